import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { Diagnosis } from '../../src/domain/preview.ts';
import { remarksOf, textOf, type View } from '../../src/render/print.ts';
import type { Rendered } from '../../src/render/render.ts';

const view: View = { output: 'yaml', planOnly: false, withNamespace: false };
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'on', annotations: { octal: '0o17', yes: 'no' } },
};

function rendered(more: Partial<Rendered> = {}): Rendered {
  const repository = { id: 7, owner: 'acme', name: 'shop', cloneUrl: '' };
  const pullRequest = {
    key: { repositoryId: 7, number: 42 },
    repository,
    state: 'open' as const,
    title: '',
    url: '',
    draft: false,
    author: '',
    labels: [],
    head: { revision: 'a'.repeat(40), branch: 'feat/login', repositoryId: 7 },
    base: { branch: 'main', revision: '' },
  };
  const nothing = { at: () => assert.fail('reads nothing') };
  const subject = { pullRequest, trust: 'trusted' as const, code: {} as never, source: nothing, isChanged: false };
  const objects = [service];
  const confinement = [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'pr-42' } }];
  return { subject, namespace: 'pr-42', when: {}, confinement, objects, notes: [], ...more };
}

describe('textOf', () => {
  it('begins with whose preview it is, in comments', () => {
    const [first] = textOf(rendered(), view).split('\n');
    assert.equal(first, '# acme/shop at aaaaaaa, branch feat/login, as pull request 42');
  });

  it('says that something is not committed', () => {
    const { subject } = rendered();
    const changed = { ...subject, isChanged: true };
    assert.match(textOf(rendered({ subject: changed }), view), /aaaaaaa with uncommitted changes, branch/);
    const head = { ...subject.pullRequest.head, revision: '0'.repeat(40) };
    const first = { ...changed, pullRequest: { ...subject.pullRequest, head } };
    assert.match(textOf(rendered({ subject: first }), view), /^# acme\/shop, nothing committed yet, branch/);
  });

  it('writes YAML that readers of 1.1 and 1.2 understand alike', () => {
    for (const version of ['1.1', '1.2'] as const) {
      const [document] = parseAllDocuments(textOf(rendered(), view), { version });
      assert.deepEqual(document?.toJS(), service);
    }
  });

  it('adds the namespace when it is asked for, before everything else', () => {
    const kinds = (text: string) => parseAllDocuments(text).map((each) => (each.toJS() as { kind: string }).kind);
    assert.deepEqual(kinds(textOf(rendered(), view)), ['Service']);
    assert.deepEqual(kinds(textOf(rendered(), { ...view, withNamespace: true })), ['Namespace', 'Service']);
  });

  it('gives programs plan and objects, or plan and diagnosis', () => {
    const json = (it: Rendered, more: Partial<View> = {}) =>
      Object.keys(JSON.parse(textOf(it, { ...view, output: 'json', ...more })) as object);
    assert.deepEqual(json(rendered()), ['plan', 'objects']);
    assert.deepEqual(json(rendered(), { planOnly: true }), ['plan']);
    assert.deepEqual(json(rendered({ notes: ['x'] })), ['plan', 'objects', 'notes']);
    const { objects: _objects, ...failed } = rendered({ diagnosis: { reason: 'ChartInvalid', message: 'No.' } });
    assert.deepEqual(json(failed), ['plan', 'diagnosis']);
    assert.equal(textOf(failed, view), '');
  });
});

describe('remarksOf', () => {
  const place = { path: '.berth.yaml', line: 3, column: 5, message: '`x` is not known' };
  const rows: readonly (readonly [string, Partial<Diagnosis>, string])[] = [
    [
      'each place on a line',
      { places: [place, { ...place, line: 9 }] },
      '.berth.yaml:3:5: `x` is not known\n.berth.yaml:9:5: `x` is not known\n',
    ],
    [
      'a place elsewhere with its revision',
      { places: [{ ...place, revision: 'b'.repeat(40) }] },
      '.berth.yaml:3:5: `x` is not known (at bbbbbbb)\n',
    ],
    ['the sentence and its proof', { log: ['line one'] }, 'ChartInvalid: It is wrong.\n  line one\n'],
    ['nothing twice', { log: ['It is wrong.', 'more'] }, 'ChartInvalid: It is wrong.\n  more\n'],
  ];
  for (const [name, more, want] of rows) {
    it(`tells ${name}`, () => {
      assert.equal(
        remarksOf(rendered({ diagnosis: { reason: 'ChartInvalid', message: 'It is wrong.', ...more } })),
        want,
      );
    });
  }

  it('tells notes', () => assert.equal(remarksOf(rendered({ notes: ['one', 'two'] })), 'note: one\nnote: two\n'));
});
