/** A reporter for `node --test`: each finished test as one line of JSON, for the program that runs the suites. */
import type { TestEvent } from 'node:test/reporters';
import type { NamedResult } from './fault-lines.ts';

// Node takes a reporter from the default export of its module.
// oxlint-disable-next-line import/no-default-export
export default async function* results(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const result: NamedResult = { name: event.data.name, passed: event.type === 'test:pass' };
    yield `${JSON.stringify(result)}\n`;
  }
}
