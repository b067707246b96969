/** Whether the cluster runs what is pushed: in a namespace like that of a preview. It and the image are removed again. */
import type { ClusterAccess } from '../adapters/kubernetes/cluster-access.ts';
import type { KubernetesOptions } from '../adapters/kubernetes/options.ts';
import { openTrial, type Trial, type TrialResult } from '../adapters/kubernetes/trial.ts';
import { pinnedReference } from '../domain/image-reference.ts';
import { type Finding, note, ok, problem, type Report, warning } from './finding.ts';
import type { Pushed } from './images.ts';
import type { Check } from './run-checks.ts';

const podTimeoutMs = 60_000;

export function trialCheck(
  openAccess: () => Promise<ClusterAccess>,
  options: Pick<KubernetesOptions, 'instance' | 'podSecurity' | 'deployerRole'>,
  pushed: Pushed,
): Check {
  return {
    name: 'trial',
    timeoutMs: 110_000,
    todo: 'Correct what is said above about Kubernetes: this tries the same out.',
    async run(report, signal) {
      try {
        await using trial = await openTrial(await openAccess(), options, signal);
        report(ok('made a namespace like that of a preview, as the account that charts are installed with'));
        await tryPodSecurity(trial, options.podSecurity, report, signal);
        const image = await pushed.image;
        if (image === undefined) return report(note('no image was pushed that the cluster could pull'));
        const name = pinnedReference(image.ref, image.digest);
        const result = await trial.pull(name, AbortSignal.any([signal, AbortSignal.timeout(podTimeoutMs)]));
        report(pullFinding(name, result));
      } finally {
        await pushed.remove(report);
      }
    },
  };
}

async function tryPodSecurity(trial: Trial, level: string, report: Report, signal: AbortSignal): Promise<void> {
  if (level === 'privileged') return;
  if (await trial.refusesPrivileged(signal))
    return report(ok(`Pod Security ${level} is enforced: a privileged pod was refused`));
  report(
    warning(
      'Pod Security is not enforced: a privileged pod would be let in',
      'Use Kubernetes 1.25 or later with its PodSecurity admission on, or build previews of people you trust only.',
    ),
  );
}

export function pullFinding(image: string, result: TrialResult): Finding {
  switch (result.outcome) {
    case 'pulled':
      return ok(`${result.node} pulled the image and started a pod in ${(result.durationMs / 1000).toFixed(1)} s`);
    case 'not pulled':
      return problem(
        `${result.node} cannot pull ${image}: ${result.said}`,
        'Let the nodes reach the registry by the name in BERTH_REGISTRY, trust its certificate, and have credentials for it.',
      );
    case 'not scheduled':
      return warning(
        `no node takes a pod: ${result.said}`,
        'Give the cluster a node with room, for linux and without taints.',
      );
  }
}
