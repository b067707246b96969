import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Finding } from '../../src/doctor/finding.ts';
import type { Check } from '../../src/doctor/run-checks.ts';
import { dataCheck, gitCheck, helmCheck } from '../../src/doctor/tools.ts';

const { signal } = new AbortController();

describe('the checks of programs and disk', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-tools-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  async function program(says: string): Promise<string> {
    const path = join(directory, 'program');
    await writeFile(path, `#!/bin/sh\necho '${says}'\n`);
    await chmod(path, 0o755);
    return path;
  }

  async function levelOf(check: Check): Promise<Finding['level'] | undefined> {
    let level: Finding['level'] | undefined;
    await check.run((finding) => (level = finding.level), signal);
    return level;
  }

  for (const [says, want] of [
    ['v4.1.4', 'ok'],
    ['v4.2.0-rc.1', 'ok'],
    ['v4.1.3', 'problem'],
    ['v4.0.10', 'problem'],
    ['v3.21.4', 'problem'],
    ['v3.9.4', 'problem'],
    ['what?', 'problem'],
  ] as const) {
    it(`Helm ${says}: ${want}`, async () => assert.equal(await levelOf(helmCheck(await program(says))), want));
  }

  for (const [says, want] of [
    ['git version 2.39.5', 'ok'],
    ['git version 2.50.1 (Apple Git-155)', 'ok'],
    ['git version 2.30.2', 'problem'],
  ] as const) {
    it(`${says}: ${want}`, async () => assert.equal(await levelOf(gitCheck(await program(says))), want));
  }

  it('throws for a directory that cannot be made', async () => {
    await assert.rejects(levelOf(dataCheck('/dev/null/berth')), /ENOTDIR/);
  });

  it('leaves nothing in the data directory', async () => {
    const data = join(directory, 'data');
    assert.ok(await levelOf(dataCheck(data)));
    assert.deepEqual(await readdir(data), []);
  });
});
