/** Where the local stack of `deploy/local` listens; what contract and e2e tests run against. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { LocalStack } from '../deploy/local/stack.ts';

/** The running local stack. @throws when it is not up: `npm test` starts it, a single suite needs `npm run stack up`. */
export function localStack(): LocalStack {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const path = join(cache, 'berth', 'local', 'stack.json');
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LocalStack;
  } catch (cause) {
    throw new Error(`no local stack at ${path}: start it with \`npm run stack up\``, { cause });
  }
}
