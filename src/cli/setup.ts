import { parseArgs } from 'node:util';
import type { Destination } from '../setup/destination.ts';
import type { FileFormat } from '../setup/file-destination.ts';
import { type GitHubHost, gitHubHost } from '../setup/github-host.ts';
import { type Answers, longestName, parseAnswers } from '../setup/registration.ts';
import { type Command, untilInterrupted, UsageError } from './command.ts';

const options = {
  'webhook-url': { type: 'string', default: '' },
  name: { type: 'string', default: '' },
  organisation: { type: 'string', default: '' },
  public: { type: 'boolean', default: false },
  'github-url': { type: 'string', default: 'https://github.com' },
  listen: { type: 'string', default: '127.0.0.1:8765' },
  namespace: { type: 'string', default: 'berth' },
  secret: { type: 'string', default: 'berth-github' },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  output: { type: 'string' },
  format: { type: 'string', default: 'values' },
  force: { type: 'boolean', default: false },
} as const;

/** `berth setup`: the GitHub App, made in a browser, its credentials kept where the chart finds them. */
export const setup: Command = {
  summary: 'makes the GitHub App, and keeps its credentials',
  help: `berth setup [options]

Shows a page that makes a GitHub App with exactly what Berth needs, and writes its number, private key and webhook secret where
the chart finds them: into a Secret of your cluster, or into a file. Nothing secret is ever printed.

  --webhook-url URL     where GitHub will reach Berth, e.g. https://berth.example.com; the page asks for what is left out
  --name NAME           what the App is called (berth-ORGANISATION)
  --organisation NAME   whose App it is; your own account without it
  --public              lets other accounts than the owner install it
  --github-url URL      another GitHub, e.g. https://github.example.com
  --listen ADDRESS      where the page is (127.0.0.1:8765)

  --namespace NAME      the namespace that Berth will be in (berth)
  --secret NAME         the Secret that is written there (berth-github)
  --kubeconfig FILE     another kubeconfig than kubectl's
  --context NAME        another context of it than the current one

  --output FILE         writes a file that only you can read, instead of the Secret
  --format FORMAT       what the file is: values for Helm, or the secret as YAML for Kubernetes (values)
  --force               makes another App, though there is one, and overwrites what an earlier set-up has written

  berth setup --webhook-url https://berth.example.com --organisation acme
  berth setup --github-url https://github.example.com --output github-values.yaml

It works over SSH, too, and says which port to forward. Exits with 0 once the credentials are kept, with 1 when they are not, with 2
when the command line is wrong. More in docs/github-app.md.
`,
  async run(args) {
    const { values } = parseArgs({ args: [...args], options });
    const host = gitHubHost(values['github-url']);
    if (host === undefined) {
      throw new UsageError(
        `--github-url: "${values['github-url']}" is not an address such as https://github.example.com`,
      );
    }
    const answers = answersOf(values);
    refuseProblems(answers, host);
    const listen = addressOf(values.listen);
    const { format } = values;
    if (format !== 'values' && format !== 'secret') throw new UsageError('--format: must be values or secret');
    const [{ runSetup }, { sshConnection }, { pino }] = await Promise.all([
      import('../setup/setup.ts'),
      import('../config.ts'),
      import('pino'),
    ]);
    const write = (text: string) => void process.stdout.write(`${text}\n`);
    let destination: Destination;
    try {
      destination = await destinationOf({ ...values, format });
    } catch (error) {
      if (error instanceof UsageError) throw error;
      write(
        `${error instanceof Error ? error.message : String(error)}: name one with --kubeconfig, or write a file with --output.`,
      );
      return 1;
    }
    return runSetup(
      {
        host,
        answers: { ...answers, name: answers.name || likelyName(answers) },
        destination,
        namespace: values.namespace,
        listen,
        force: values.force,
        sshConnection: sshConnection(),
        write,
        log: pino({ level: 'error', base: null }, pino.destination(2)),
      },
      untilInterrupted(),
    );
  },
};

interface Values {
  readonly namespace: string;
  readonly secret: string;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly output?: string | undefined;
  readonly format: FileFormat;
}

function answersOf(
  values: Readonly<Record<'webhook-url' | 'name' | 'organisation', string>> & { readonly public: boolean },
) {
  const { name, organisation, public: isPublic } = values;
  return { name, webhookUrl: values['webhook-url'], organisation, isPublic };
}

/** Names of Apps are taken for all of GitHub, so that of the organisation is in it. */
function likelyName({ organisation }: Answers): string {
  return organisation === '' ? 'berth' : `berth-${organisation.toLowerCase()}`.slice(0, longestName);
}

/** What is given must do; what is left out is asked for on the page. */
function refuseProblems(answers: Answers, host: GitHubHost): void {
  const parsed = parseAnswers(answers, host);
  if (!('problems' in parsed)) return;
  const flags = { name: '--name', webhookUrl: '--webhook-url', organisation: '--organisation' } as const;
  for (const [field, problem] of Object.entries(parsed.problems)) {
    const key = field as keyof typeof flags;
    if (answers[key] !== '') throw new UsageError(`${flags[key]}: ${problem}`);
  }
}

async function destinationOf({ namespace, secret, kubeconfig, context, output, format }: Values): Promise<Destination> {
  const name = { namespace: nameOf('--namespace', namespace), name: nameOf('--secret', secret) };
  if (output !== undefined) {
    const { fileDestination } = await import('../setup/file-destination.ts');
    return fileDestination(output, format, name);
  }
  const [{ personsAccess }, { secretDestination }] = await Promise.all([
    import('../adapters/kubernetes/kube-config.ts'),
    import('../setup/secret-destination.ts'),
  ]);
  return secretDestination(await personsAccess(kubeconfig, context), name);
}

function nameOf(flag: string, name: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)) return name;
  throw new UsageError(`${flag}: "${name}" is not a name such as berth: small letters, digits and hyphens`);
}

function addressOf(text: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(?:\[?([^\]]*?)\]?:)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535) {
    throw new UsageError(`--listen: "${text}" is not an address such as 127.0.0.1:8765`);
  }
  return { host: host || '127.0.0.1', port: Number(port) };
}
