/** Whether previews can be made in the cluster. */
import type { ClusterAccess } from '../adapters/kubernetes/cluster-access.ts';
import { type Right, rightText } from '../adapters/kubernetes/rights.ts';
import {
  ClusterRefusedError,
  type ClusterSurvey,
  type ClusterSurveyOptions,
  type NamespaceFinding,
  namespaceNameLabel,
  surveyCluster,
} from '../adapters/kubernetes/survey.ts';
import { type Finding, note, ok, problem, warning } from './finding.ts';
import type { Check } from './run-checks.ts';
import { isOlder } from './version.ts';

/** The oldest that Berth was run on; server-side apply, which it needs, is on by default since 1.16. */
const minimumVersion = [1, 20] as const;
/** From here on Pod Security cannot be switched off by accident. Source: kubernetes.io/docs/concepts/security/pod-security-admission */
const podSecurityVersion = [1, 25] as const;

export function kubernetesCheck(openAccess: () => Promise<ClusterAccess>, options: ClusterSurveyOptions): Check {
  return {
    name: 'kubernetes',
    timeoutMs: 30_000,
    todo: 'Check BERTH_KUBECONFIG, and that this machine may connect to the API server in it.',
    async run(report, signal) {
      try {
        const survey = await surveyCluster(await openAccess(), options, signal);
        for (const finding of clusterFindings(survey, options)) report(finding);
      } catch (error) {
        if (!(error instanceof ClusterRefusedError)) throw error;
        report(problem(error.message, "Renew the token or certificate in BERTH_KUBECONFIG, or restart Berth's pod."));
      }
    },
  };
}

/** Everything that is to be said of a cluster that knows us. */
export function clusterFindings(survey: ClusterSurvey, options: ClusterSurveyOptions): readonly Finding[] {
  return [
    versionFinding(survey),
    rightsFinding(survey),
    roleFinding(survey.deployerRole, options.deployerRole),
    dangerFinding(survey.dangerousRights, options.deployerRole),
    gatewayFinding(survey.gatewayNamespace, options.gatewayNamespace),
    ...[...survey.resolverNamespaces].map(([name, state]) => resolverFinding(state, name)),
    note('network policies are set; whether the network plugin enforces them cannot be seen from here'),
  ].filter((finding) => finding !== undefined);
}

function versionFinding({ version }: ClusterSurvey): Finding {
  const seen = `Kubernetes ${version}`;
  if (isOlder(version, minimumVersion))
    return problem(seen, 'Update to Kubernetes 1.25 or later; Berth was never run on one older than 1.20.');
  if (isOlder(version, podSecurityVersion)) {
    return warning(
      `${seen} is not maintained any more`,
      'Update to Kubernetes 1.25 or later, where Pod Security is always there to confine what previews run.',
    );
  }
  return ok(seen);
}

function rightsFinding({ missingRights, neededRights }: ClusterSurvey): Finding {
  if (missingRights.length === 0) return ok(`Berth's account has all ${neededRights} rights that it needs`);
  return problem(
    `Berth's account may not: ${missingRights.map((right: Right) => rightText(right)).join(', ')}`,
    'Upgrade charts/berth to this version of Berth, or add this to its ClusterRole, bound by a ClusterRoleBinding: previews live in namespaces that do not exist yet. What names a namespace belongs into a Role there.',
  );
}

function roleFinding(state: ClusterSurvey['deployerRole'], name: string): Finding {
  const apply = 'Upgrade charts/berth to this version of Berth, or apply its files/deployer-role.yaml';
  switch (state) {
    case 'as shipped':
      return ok(`the ClusterRole ${name}, which charts are installed with, is as shipped`);
    case 'extended':
      return ok(`the ClusterRole ${name}, which charts are installed with, is as shipped, with rights of yours`);
    case 'absent':
      return problem(
        `there is no ClusterRole ${name}, which charts are installed with`,
        `${apply}, or name another one in BERTH_DEPLOYER_ROLE.`,
      );
    case 'different':
      return warning(
        `the ClusterRole ${name} is not the one that this version ships`,
        `${apply}, unless you changed it on purpose.`,
      );
    case 'unknown':
      return note(`the ClusterRole ${name} cannot be looked at with Berth's rights`);
  }
}

function dangerFinding(rights: readonly Right[], name: string): Finding | undefined {
  if (rights.length === 0) return undefined;
  return problem(
    `the ClusterRole ${name} lets charts undo what confines them: ${rights.map(rightText).join(', ')}`,
    'Take this out of it, and out of every ClusterRole with the label berth.dev/aggregate-to-deployer.',
  );
}

function resolverFinding(state: NamespaceFinding, name: string): Finding | undefined {
  switch (state) {
    case 'labelled':
    case 'unknown':
      return undefined;
    case 'absent':
      return warning(
        `the resolvers' namespace ${name} does not exist`,
        'Set BERTH_RESOLVERS to where the resolvers run: where network policies are enforced, previews can ask no others.',
      );
    case 'not labelled':
      return warning(
        `the resolvers' namespace ${name} lacks the label ${namespaceNameLabel}`,
        `Set it, which Kubernetes before 1.21 does not do itself: kubectl label namespace ${name} ${namespaceNameLabel}=${name}`,
      );
  }
}

function gatewayFinding(state: ClusterSurvey['gatewayNamespace'], name: string): Finding | undefined {
  switch (state) {
    case 'labelled':
      return ok(`previews accept connections from the namespace ${name}`);
    case 'absent':
      return warning(
        `the gateway's namespace ${name} does not exist`,
        'Set BERTH_GATEWAY_NAMESPACE to where the gateway runs: where network policies are enforced, nothing else reaches previews.',
      );
    case 'not labelled':
      return warning(
        `the gateway's namespace ${name} lacks the label ${namespaceNameLabel}`,
        `Set it, which Kubernetes before 1.21 does not do itself: kubectl label namespace ${name} ${namespaceNameLabel}=${name}`,
      );
    case 'unknown':
      return undefined;
  }
}
