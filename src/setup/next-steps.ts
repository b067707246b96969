/** What a person does once the App exists: the same on the page and in the terminal. Pure. */

export interface NextSteps {
  readonly appName: string;
  readonly appUrl: string;
  readonly installUrl: string;
  readonly helmCommand: string;
  readonly doctorCommand: string;
}

export interface NextStepsOptions {
  readonly appName: string;
  readonly appUrl: string;
  readonly namespace: string;
  /** Those that tell the chart of the credentials. */
  readonly helmArguments: readonly string[];
}

export function nextSteps({ appName, appUrl, namespace, helmArguments }: NextStepsOptions): NextSteps {
  const lines = [
    'helm upgrade --install berth charts/berth',
    `--namespace ${namespace} --create-namespace`,
    ...helmArguments,
    '--set previews.domain=previews.example.com',
    '--set registry.repository=registry.example.com/previews',
  ];
  return {
    appName,
    appUrl,
    installUrl: `${appUrl}/installations/new`,
    helmCommand: lines.join(' \\\n  '),
    doctorCommand: `kubectl --namespace ${namespace} exec deploy/berth -- \\\n  berth doctor`,
  };
}

/** For the terminal. */
export function nextStepsText(next: NextSteps): string {
  const indented = (command: string) => command.replaceAll('\n', '\n     ');
  return `Next

  1. Install the App on the repositories whose pull requests get previews:
     ${next.installUrl}

  2. Install Berth, with your own domain and registry:
     ${indented(next.helmCommand)}

  3. See that all is well:
     ${indented(next.doctorCommand)}
`;
}
