import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commentOf, descriptionOf } from '../../src/domain/comment.ts';
import type { Objection } from '../../src/domain/approval.ts';
import type { Diagnosis } from '../../src/domain/preview.ts';
import { hostileText, newest, older, statusOf } from './status-sample.ts';

const url = 'https://pr-42-shop-k3x9ab.preview.test';
const newestLink = `[\`a1b2c3d\`](https://github.com/acme/shop/pull/42/commits/${newest})`;
const olderLink = `[\`9f8e7d6\`](https://github.com/acme/shop/pull/42/commits/${older})`;

describe('commentOf', () => {
  it('leads with the link when the preview is ready', () => {
    assert.equal(
      commentOf(statusOf({ phase: 'Ready', serving: newest, message: 'Ready.' })),
      `✅ **[Open the preview](${url})** · running ${newestLink}\n`,
    );
  });

  it('lists the routes when there are several', () => {
    const urls = [
      { name: 'web', url },
      { name: 'api', url: 'https://api--pr-42-shop-k3x9ab.preview.test' },
    ];
    const text = commentOf(statusOf({ phase: 'Ready', serving: newest, urls }));
    assert.match(text, /\| `api` \| \[api--pr-42-shop-k3x9ab\.preview\.test\]\(https:\/\/api--pr-42-/);
  });

  it('says what is being built and where it will be', () => {
    const text = commentOf(statusOf());
    assert.match(text, /^🔨 \*\*Building\*\* \[`a1b2c3d`\]/);
    assert.doesNotMatch(text, /\| Image/);
    assert.ok(text.includes('It will be at ['));
  });

  it('shows which image is to blame when one failed', () => {
    const text = commentOf(statusOf({ phase: 'Failed' }));
    assert.ok(text.includes('| `web` | 🔨 building |\n| `api` | ✅ built |'));
  });

  it('says which revision is still served', () => {
    const text = commentOf(statusOf({ serving: older }));
    assert.ok(text.includes(`Still serving ${olderLink} at [`));
    assert.doesNotMatch(text, /It will be at/);
  });

  it('says on failure what is wrong, where, and shows the log', () => {
    const diagnosis: Diagnosis = {
      reason: 'ManifestInvalid',
      message: 'The manifest is not valid.',
      places: [{ path: '.berth.yaml', line: 3, column: 7, message: 'unknown key "imags"' }],
      log: ['one', 'two'],
    };
    const text = commentOf(statusOf({ phase: 'Failed', diagnosis, images: [] }));
    assert.ok(text.startsWith(`❌ **Failed** ${newestLink}\n\nThe manifest is not valid.\n`));
    assert.ok(
      text.includes(
        `- [\`.berth.yaml:3:7\`](https://github.com/acme/shop/blob/${newest}/.berth.yaml#L3) unknown key "imags"`,
      ),
    );
    assert.ok(
      text.includes('<details><summary>Last 2 lines of the log</summary>\n\n```text\none\ntwo\n```\n\n</details>'),
    );
  });

  it('is the same text for the same status', () => {
    assert.equal(commentOf(statusOf()), commentOf(statusOf()));
  });

  describe('of a fork that waits for approval', () => {
    const pull = 'https://github.com/acme/shop/pull/42';
    const fork = { state: 'waiting', branch: 'topic', baseBranch: 'main', objection: undefined } as const;
    const held = (change: Partial<typeof fork | { objection: Objection }> = {}) =>
      commentOf(statusOf({ phase: 'Held', urls: [], images: [], message: 'It waits.', fork: { ...fork, ...change } }));

    it('D1 tells a maintainer what to type, and what will run', () => {
      const text = held();
      assert.ok(text.startsWith(`✋ **Waiting for approval** ${newestLink}\n\nIt waits.\n\n`));
      assert.ok(text.includes(`\n\n\`\`\`text\n/preview approve ${newest}\n\`\`\`\n\n`));
      assert.ok(text.includes(`[what it changes](${pull}/files/${newest})`));
      assert.match(
        text,
        /the fork's branch `topic`.* only untrusted code uses.* without any secrets.* the newest `main`/,
      );
    });

    it('D6 says why the newest command was not taken, and mentions nobody', () => {
      const objection = { by: 'mo@na', url: `${pull}#issuecomment-7`, why: 'was not taken: its comment was edited' };
      const text = held({ objection });
      assert.ok(
        text.includes(`The newest [command](${pull}#issuecomment-7), by mo@&#8203;na, was not taken: its comment`),
      );
    });

    it('E3 shows branches and people as text, however long', () => {
      const long = `${hostileText}\n# big \`\`\`\n/preview approve ${newest}\n`.repeat(1_000);
      const objection = { by: long, url: `javascript:${long}`, why: 'was not taken: it is quoted' };
      const text = commentOf(
        statusOf({ phase: 'Held', fork: { state: 'waiting', branch: long, baseBranch: long, objection } }),
      );
      assert.ok(text.length < 65_536);
      assert.equal(text.split('\n').filter((line) => line === `/preview approve ${newest}`).length, 1);
      assert.doesNotMatch(text, /^# big/m);
    });
  });

  it('says who approved the code of a fork that runs', () => {
    const text = commentOf(statusOf({ phase: 'Ready', serving: newest, fork: { state: 'approved', by: '@mona' } }));
    assert.equal(
      text,
      `✅ **[Open the preview](${url})** · running ${newestLink} · a fork's code, approved by @&#8203;mona\n`,
    );
  });

  it('D9 links places of the base branch to its revision', () => {
    const diagnosis: Diagnosis = {
      reason: 'ManifestInvalid',
      message: 'No.',
      places: [{ path: '.berth.yaml', line: 3, column: 7, message: 'no', revision: older }],
    };
    assert.ok(commentOf(statusOf({ phase: 'Failed', diagnosis })).includes(`/blob/${older}/.berth.yaml#L3`));
  });

  it('E3 shows what a stranger wrote as text', () => {
    const diagnosis: Diagnosis = {
      reason: 'BuildFailed',
      message: `${hostileText}\n# big`,
      places: [{ path: `a\`b](javascript:c)`, line: 1, column: 1, message: hostileText }],
    };
    const text = commentOf(statusOf({ phase: 'Failed', diagnosis, images: [{ name: 'a|b`c', state: 'failed' }] }));
    assert.doesNotMatch(text, /@acme|<img|!\[|[^\\]\[b\]|#1\b|www\.evil/);
    assert.doesNotMatch(text, /^# big/m);
    assert.ok(text.includes('| ``a\\|b`c`` | ❌ failed |'));
  });

  it('E3 no log line ends the block it is in', () => {
    const log = ['```', '````` </details> @acme', '\u001B[31mred\u001B[0m \u202Etxt'];
    const text = commentOf(statusOf({ phase: 'Failed', diagnosis: { reason: 'BuildFailed', message: 'No.', log } }));
    const block = /\n(`{6,})text\n([\s\S]*)\n\1\n/.exec(text);
    assert.equal(block?.[2], '```\n````` </details> @acme\nred txt');
  });

  it('E3 links a path that has half a character, such as YAML can spell', () => {
    const places = [{ path: 'Docker\uD800file', line: 1, column: 1, message: 'no' }];
    const text = commentOf(
      statusOf({ phase: 'Failed', diagnosis: { reason: 'SourceInvalid', message: 'No.', places } }),
    );
    assert.match(text, /Docker%EF%BF%BDfile#L1/);
  });

  it('stays below the limit of GitHub', () => {
    const long = '@<`'.repeat(100_000);
    const diagnosis: Diagnosis = {
      reason: 'BuildFailed',
      message: long,
      log: Array.from({ length: 100 }, () => long),
      places: Array.from({ length: 3 }, () => ({ path: long, line: 1, column: 1, message: long })),
    };
    const images = Array.from({ length: 100 }, () => ({ name: long, state: 'failed' as const }));
    assert.ok(commentOf(statusOf({ phase: 'Failed', diagnosis, images })).length < 65_536);
  });
});

describe('descriptionOf', () => {
  const rows = [
    { name: 'ready', status: statusOf({ phase: 'Ready' }), want: 'Running a1b2c3d' },
    {
      name: 'ready with approval',
      status: statusOf({ phase: 'Ready', fork: { state: 'approved', by: 'mona' } }),
      want: 'Running a1b2c3d, approved by mona',
    },
    { name: 'building', status: statusOf(), want: 'Building web.' },
    {
      name: 'failed',
      status: statusOf({ phase: 'Failed', diagnosis: { reason: 'BuildFailed', message: 'It broke.' } }),
      want: 'It broke.',
    },
    { name: 'without a message', status: statusOf({ message: '\u0007' }), want: 'Building a1b2c3d' },
    { name: 'several lines', status: statusOf({ message: 'one\ntwo' }), want: 'one two' },
  ];
  for (const { name, status, want } of rows) it(name, () => assert.equal(descriptionOf(status), want));

  it('is at most 140 characters long and splits none', () => {
    const text = descriptionOf(statusOf({ message: `x${'😀'.repeat(100)}` }));
    assert.ok(text.length <= 140);
    assert.match(text, /^x(😀)+…$/u);
  });
});
