/** What the checks of Pod Security's levels have in common. */
import type { Place } from './place.ts';
import { containersOf } from './pod-specs.ts';

/** The pod's, and each container's that has one. */
export function securityContextsOf(spec: Place): readonly Place[] {
  return [spec, ...containersOf(spec)].map((place) => place.at('securityContext')).filter((place) => !place.isAbsent);
}

/**
 * Whether root in the pod is nobody outside of it, on a cluster that knows about it. Others ignore the field, and root is root.
 * Source: k8s.io/pod-security-admission relaxes its checks for it from 1.35 on.
 */
export function isInUserNamespace(spec: Place, kubernetesMinor: number | undefined): boolean {
  return spec.at('hostUsers').flag() === false && (kubernetesMinor ?? 0) >= 35;
}

/** Whether only a Windows node runs the pod; kubelets before 1.25 did not look. */
export function isForWindows(spec: Place, kubernetesMinor: number | undefined): boolean {
  return spec.at('os', 'name').text() === 'windows' && (kubernetesMinor ?? 0) >= 25;
}
