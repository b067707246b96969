/** Why a container's image cannot be had. Pure. */
import { already, type Finding, type Patience, timeMs } from './finding.ts';
import type { ClusterEvent, ContainerStatus, Pod } from './objects.ts';
import type { Workload } from './workloads.ts';

/** The kubelet's reasons that are about the image. Source: pkg/kubelet/images/types.go */
const imageReasons = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'RegistryUnavailable',
  'ImageInspectError',
  'SignatureValidationFailed',
]);

/** What keeps the container's image from being pulled, if that is where it stands. */
export function imageFailure(
  workload: Workload,
  pod: Pod,
  status: ContainerStatus,
  events: readonly ClusterEvent[],
  patience: Patience,
): Finding | undefined {
  const { reason, message = '' } = status.state?.waiting ?? {};
  if (reason === undefined || !imageReasons.has(reason)) return undefined;
  const image = imageOf(pod, status);
  // While the kubelet backs off, only the event still has the registry's answer.
  const failed = events.findLast((event) => event.reason === 'Failed' && event.message?.startsWith('Failed to pull'));
  const said = failed?.message ?? message;
  const { why, certain } = explain(reason, `${said} ${message}`);
  return {
    reason: 'ImagePullFailed',
    message: `The image \`${image}\` of container \`${status.name}\` of \`${workload.name}\` cannot be pulled: ${why}.`,
    certainAtMs: certain ? already : timeMs(pod.metadata.creationTimestamp) + 2 * patience.healingMs,
    log: said === '' ? [] : [said],
  };
}

function imageOf(pod: Pod, status: ContainerStatus): string {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  return containers.find(({ name }) => name === status.name)?.image ?? status.image ?? '';
}

/**
 * The kubelet has no machine-readable form of the registry's answer, so this goes by the words of containerd, CRI-O and
 * Docker. What is not recognised is quoted.
 */
function explain(reason: string, text: string): { readonly why: string; readonly certain: boolean } {
  if (reason === 'InvalidImageName') return { why: 'this is not a valid image name', certain: true };
  if (reason === 'ErrImageNeverPull') {
    return { why: 'its pull policy is `Never` and the node does not have it', certain: true };
  }
  if (/unauthorized|authorization failed|authentication required|denied|\b40[13]\b/i.test(text)) {
    return { why: 'the registry refuses access; it may be private, or not exist', certain: true };
  }
  if (/not found|notfound|manifest unknown|name unknown|\b404\b/i.test(text)) {
    return { why: 'the registry has no such image', certain: true };
  }
  const tail =
    text
      .trim()
      .split(/: (?=[^:]+$)/)
      .at(-1) ?? '';
  return { why: tail === '' ? 'the node gives no reason' : tail.replace(/\.+$/, ''), certain: false };
}
