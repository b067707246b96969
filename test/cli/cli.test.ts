import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { commands } from '../../src/cli/commands.ts';
import { berthCommand } from './berth-command.ts';

const textOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const names = Object.keys(commands);

describe('berth', () => {
  it('lists every command with what it does', async () => {
    const { code, stdout, stderr } = await berthCommand(['--help']);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    for (const [name, { summary }] of Object.entries(commands)) {
      assert.match(stdout, new RegExp(`^  ${name} +${summary.replaceAll(/[.()]/g, '\\$&')}$`, 'm'));
    }
  });

  it('tells the same about a command in each way of asking', async () => {
    const asked = [
      ['render', '--help'],
      ['render', '--plan', '-h'],
      ['help', 'render'],
    ];
    const answers = await Promise.all(asked.map((args) => berthCommand(args)));
    for (const { code, stdout } of answers) {
      assert.equal(code, 0);
      assert.equal(stdout, commands['render']?.help);
    }
  });

  it('prints its version', async () => {
    const { version } = JSON.parse(textOf('package.json')) as { version: string };
    assert.deepEqual(await berthCommand(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
  });

  const wrong = [
    [['rendr'], 'berth: there is no command "rendr"; did you mean "render"?\nTry `berth --help`.\n'],
    [['help', 'zzz'], 'berth: there is no command "zzz"\nTry `berth --help`.\n'],
    [['--verbos'], "berth: Unknown option '--verbos'\nTry `berth --help`.\n"],
    [['schema', 'x'], "berth schema: Unexpected argument 'x'\nTry `berth schema --help`.\n"],
    [['render', 'a', 'b'], 'berth render: give one directory\nTry `berth render --help`.\n'],
    [
      ['render', '--number', '0'],
      'berth render: --number is a whole number from 1 on, not "0"\nTry `berth render --help`.\n',
    ],
    [
      ['render', '--trust', 'some'],
      'berth render: --trust is trusted or untrusted, not "some"\nTry `berth render --help`.\n',
    ],
    [
      ['render', '--kubernetes', 'new'],
      'berth render: --kubernetes is like 1.33, not "new"\nTry `berth render --help`.\n',
    ],
  ] as const;
  for (const [args, stderr] of wrong) {
    it(`refuses \`berth ${args.join(' ')}\` with a way to go on`, async () => {
      assert.deepEqual(await berthCommand(args), { code: 2, stdout: '', stderr });
    });
  }

  it('prints the published schema', async () => {
    const { code, stdout } = await berthCommand(['schema']);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), JSON.parse(textOf('schema/berth.schema.json')));
  });
});

describe('help', () => {
  for (const name of names) {
    it(`of ${name} begins with how it is called, names exit codes and fits a terminal`, () => {
      const { help, summary } = commands[name]!;
      assert.match(help, new RegExp(`^berth \\[?${name}\\b`));
      assert.match(help, /Exits with 0/);
      assert.match(help, /docs\/[a-z-]+\.md/);
      for (const line of `${help}\n${summary}`.split('\n')) assert.ok(line.length <= 132, line);
    });
  }
});

describe('docs/cli.md', () => {
  const text = textOf('docs/cli.md');
  it('has every command', () => {
    for (const name of names) assert.match(text, new RegExp(`^## \`berth ${name}\`$`, 'm'));
  });
  it('has every option', () => {
    for (const name of names) {
      const options = commands[name]?.help.match(/(?<=^ {2})--[a-z-]+/gm) ?? [];
      const section = text.split(/^## /m).find((part) => part.startsWith(`\`berth ${name}\``)) ?? '';
      // What has a page of its own is described there.
      const page = /\]\(([a-z-]+\.md)\)/.exec(section)?.[1];
      const told = page === undefined ? section : section + textOf(`docs/${page}`);
      for (const option of options) assert.ok(told.includes(option), `${option} of berth ${name}`);
    }
  });
});

describe('src/cli.ts', () => {
  /** What is imported at once, by whatever is imported at once. */
  function importsOf(file: URL, seen: Set<string>): void {
    if (seen.has(file.pathname)) return;
    seen.add(file.pathname);
    for (const [, from = ''] of readFileSync(file, 'utf8').matchAll(/^import (?!type )[^;]*'([^']+)';$/gm)) {
      if (from.startsWith('.')) importsOf(new URL(from, file), seen);
      else seen.add(from);
    }
  }

  it('loads no package before a command is run: help waits for nothing', () => {
    const seen = new Set<string>();
    importsOf(new URL('../../src/cli.ts', import.meta.url), seen);
    assert.deepEqual(
      [...seen].filter((from) => !from.startsWith('node:') && !from.endsWith('.ts')),
      [],
    );
    assert.ok(seen.size < 30, `${seen.size} files and modules`);
  });
});
