import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly 'timeout-minutes'?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const suites = [...readFileSync(path.join(root, 'test/run.ts'), 'utf8').matchAll(/^ {2}(\w+): \{\s*needsStack/gm)].map(
  ([, name]) => name,
);

const files = globSync(path.join(root, '.github/workflows/*.yaml'));

for (const file of files) {
  const text = readFileSync(file, 'utf8');
  const document = parseDocument(text);
  const workflow = document.toJS() as Workflow;
  const jobs = Object.entries(workflow.jobs);
  const steps = jobs.flatMap(([, job]) => job.steps);
  const commands = steps.flatMap(({ run }) => run?.split('\n') ?? []);

  describe(`the workflow ${path.basename(file)}`, () => {
    it('is YAML', () => {
      assert.deepEqual([...document.errors, ...document.warnings], []);
      assert.ok(steps.length > 0);
    });

    it('may read the repository, and more only where a job says so', () => {
      assert.deepEqual(workflow.permissions, { contents: 'read' });
      for (const [name, { permissions = {} }] of jobs) assert.ok(permissions['contents'] !== 'write', name);
    });

    it('ends each job that hangs', () => {
      for (const [name, job] of jobs) assert.ok((job['timeout-minutes'] ?? Infinity) <= 90, name);
    });

    it('names actions by commit, with their version, or by major version', () => {
      const uses = [...text.matchAll(/uses: (\S+)(.*)$/gm)];
      assert.equal(uses.length, steps.filter((step) => step.uses).length);
      for (const [, action = '', rest = ''] of uses) {
        assert.match(`${action}${rest}`, /^[\w-]+\/[\w-]+@([0-9a-f]{40} # v\d+\.\d+\.\d+|v\d+)$/);
      }
    });

    it('puts nothing that a stranger can write into a command', () => {
      for (const command of commands) assert.doesNotMatch(command, /\$\{\{/);
    });

    it('calls only scripts and suites that there are', () => {
      for (const command of commands) {
        for (const [, script = ''] of command.matchAll(/npm run ([\w:]+)/g)) assert.ok(script in scripts, script);
        for (const [, names = ''] of command.matchAll(/npm test -- ([\w ]+)/g)) {
          for (const name of names.split(' ')) assert.ok(suites.includes(name), name);
        }
        for (const [, place = ''] of command.matchAll(/ ((?:charts|deploy|test|src)\/[\w./-]+)/g)) {
          assert.ok(existsSync(path.join(root, place)), place);
        }
      }
    });
  });
}

describe('the workflows', () => {
  const textOf = (name: string) => readFileSync(path.join(root, '.github/workflows', name), 'utf8');

  it('run every suite that there is', () => {
    const run = [...textOf('ci.yaml').matchAll(/npm test -- ([\w ]+)/g)].flatMap(([, names = '']) => names.split(' '));
    assert.deepEqual(run.toSorted(), suites.toSorted());
  });

  it('release the image that the chart names', () => {
    const values = readFileSync(path.join(root, 'charts/berth/values.yaml'), 'utf8');
    const [, image] = /^ {2}IMAGE: (\S+)$/m.exec(textOf('release.yaml')) ?? [];
    assert.ok(image && values.includes(`repository: ${image}\n`), image);
  });
});
