import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Command, untilInterrupted, UsageError } from './command.ts';

/** `berth render`: what would be deployed. */
export const render: Command = {
  summary: 'shows what would be deployed for a directory, without a cluster',
  help: `berth render [directory] [options]

Shows what Berth would deploy for a pull request with the code in a directory, by default the current one: reads its
.berth.yaml, resolves names, hosts and images, renders the chart and holds it against the rules for previews. Takes git and
helm, and no cluster, no GitHub and no Redis. Changes nothing, and builds nothing.

The directory stands for the root of the repository. What is not committed counts too, unless git ignores it.

  --revision COMMIT     that commit instead of the files as they are: HEAD, a branch, a tag, a SHA
  --plan                names, hosts, images and values only, without rendering the chart
  --all                 also the namespace and what confines it: quota, limits, network policy, rights
  --output yaml|json    default yaml; json has plan and objects, or plan and diagnosis
  --number N            number of the pull request, default 1
  --branch NAME         its head branch, default the one that is checked out
  --base NAME           the branch that it is meant for, default the origin's default branch, or main
  --trust LEVEL         trusted (default), or untrusted: as from a fork, with chart and manifest of the base branch
  --repository OWNER/NAME   default: from the remote origin
  --repository-id N     GitHub's id of the repository, on which the end of names depends; default 1
  --kubernetes VERSION  render for this version, e.g. 1.33; default the one that Helm assumes

Settings are read from the same BERTH_… variables as Berth's own, and all have a default: with BERTH_PREVIEW_DOMAIN,
BERTH_REGISTRY, BERTH_GITHUB_APP_ID and --repository-id, names are exactly those of your installation.

  berth render                                    what would this directory give?
  berth render --plan                             only names, hosts, images and values
  berth render --revision HEAD > before.yaml      to compare with berth render > after.yaml
  berth render --trust untrusted --base main      as a fork's pull request would see it
  berth render | kubectl --namespace scratch apply --dry-run=server -f -

Exits with 0 when it would be deployed; with 1 when not, with file, line and column as the pull request would say it;
with 2 when nothing could be told: the command, the configuration, git or helm is at fault. More in docs/cli.md.
`,
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        all: { type: 'boolean', default: false },
        base: { type: 'string' },
        branch: { type: 'string' },
        kubernetes: { type: 'string' },
        number: { type: 'string', default: '1' },
        output: { type: 'string', default: 'yaml' },
        plan: { type: 'boolean', default: false },
        repository: { type: 'string' },
        'repository-id': { type: 'string', default: '1' },
        revision: { type: 'string' },
        trust: { type: 'string', default: 'trusted' },
      },
    });
    if (positionals.length > 1) throw new UsageError('give one directory');
    const view = {
      output: oneOf('--output', ['yaml', 'json'], values.output),
      planOnly: values.plan,
      withNamespace: values.all,
    };
    const options = {
      directory: resolve(positionals[0] ?? '.'),
      revision: values.revision,
      number: positive('--number', values.number),
      branch: values.branch,
      baseBranch: values.base,
      repository: matching('--repository', /^[\w.-]+\/[\w.-]+$/, 'acme/shop', values.repository),
      repositoryId: positive('--repository-id', values['repository-id']),
      trust: oneOf('--trust', ['trusted', 'untrusted'], values.trust),
      planOnly: values.plan,
      kubernetesVersion: matching('--kubernetes', /^v?1\.\d{1,3}(\.\d{1,3})?$/, '1.33', values.kubernetes),
    };
    const signal = untilInterrupted();
    const [{ ConfigError, parsePreviewConfig, programPath }, { render }, { RenderError }, { remarksOf, textOf }] =
      await Promise.all([
        import('../config.ts'),
        import('../render/render.ts'),
        import('../render/subject.ts'),
        import('../render/print.ts'),
      ]);
    try {
      const rendered = await render(parsePreviewConfig(), { ...options, programPath: programPath() }, signal);
      process.stdout.write(textOf(rendered, view));
      process.stderr.write(remarksOf(rendered));
      return rendered.diagnosis === undefined ? 0 : 1;
    } catch (error) {
      if (!(error instanceof RenderError) && !(error instanceof ConfigError)) throw error;
      process.stderr.write(`berth render: ${error.message}\n`);
      return 2;
    }
  },
};

function oneOf<T extends string>(option: string, choices: readonly T[], given: string): T {
  const chosen = choices.find((choice) => choice === given);
  if (chosen === undefined) throw new UsageError(`${option} is ${choices.join(' or ')}, not "${given}"`);
  return chosen;
}

function positive(option: string, given: string): number {
  if (!/^[1-9]\d{0,14}$/.test(given)) throw new UsageError(`${option} is a whole number from 1 on, not "${given}"`);
  return Number(given);
}

function matching(option: string, pattern: RegExp, example: string, given: string | undefined): string | undefined {
  if (given !== undefined && !pattern.test(given)) throw new UsageError(`${option} is like ${example}, not "${given}"`);
  return given;
}
