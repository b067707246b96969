/** What we ask of pods besides Pod Security: where they run, as whom, and how they meet the pods of others. */
import type { GatePolicy } from '../gate.ts';
import { checkMetadata } from './metadata.ts';
import type { Place } from './place.ts';
import { checkBaseline } from './pod-security-baseline.ts';
import { checkRestricted } from './pod-security-restricted.ts';
import type { PodTemplate } from './pod-specs.ts';
import { quoted } from './refusals.ts';
import { deployerAccount } from './reserved.ts';
import { checkVolumes } from './volumes.ts';

export function checkPod(template: PodTemplate, policy: GatePolicy): void {
  const { metadata, spec } = template;
  if (spec.isAbsent) spec.refuse('a pod needs a spec');
  checkMetadata(metadata, policy);
  if (policy.podSecurity !== 'privileged') checkBaseline(template, policy.kubernetesMinor);
  if (policy.podSecurity === 'restricted') checkRestricted(template, policy.kubernetesMinor);
  checkVolumes(spec.at('volumes'), policy);
  checkPlacement(spec);
  checkAffinity(spec.at('affinity'), policy);
  // The second is the first one's old name, which still counts.
  for (const name of ['serviceAccountName', 'serviceAccount']) {
    if (spec.at(name).text() === deployerAccount)
      spec.at(name).refuse(`the account ${quoted(deployerAccount)} is Berth's`);
  }
  const runtimeClass = spec.at('runtimeClassName').text();
  if (policy.runtimeClass !== undefined && runtimeClass !== policy.runtimeClass) {
    spec.at('runtimeClassName').refuse(`must be ${quoted(policy.runtimeClass)}`);
  }
}

/** A preview takes the room that the scheduler gives it. */
function checkPlacement(spec: Place): void {
  if (spec.at('nodeName').text()) spec.at('nodeName').refuse('a preview may not choose its node past the scheduler');
  const displaces = "a preview may not displace others' pods by its priority";
  if (spec.at('priorityClassName').text()) spec.at('priorityClassName').refuse(displaces);
  if (spec.at('priority').number()) spec.at('priority').refuse(displaces);
  for (const toleration of spec.at('tolerations').items()) {
    const key = toleration.at('key').text() ?? '';
    if (key === '') toleration.refuse('a preview may not tolerate every taint');
    if (key.startsWith('node-role.kubernetes.io/'))
      toleration.at('key').refuse('a preview may not run on nodes of the control plane');
  }
}

/** A pod that must not be near pods of other namespaces keeps those away from its node. */
function checkAffinity(affinity: Place, policy: GatePolicy): void {
  for (const kind of ['podAffinity', 'podAntiAffinity']) {
    const required = affinity.at(kind, 'requiredDuringSchedulingIgnoredDuringExecution').items();
    const preferred = affinity.at(kind, 'preferredDuringSchedulingIgnoredDuringExecution').items();
    for (const term of [...required, ...preferred.map((weighted) => weighted.at('podAffinityTerm'))]) {
      if (!term.at('namespaceSelector').isAbsent)
        term.at('namespaceSelector').refuse('affinity to pods of other namespaces');
      for (const namespace of term.at('namespaces').items()) {
        if (namespace.text() !== policy.namespace) namespace.refuse('affinity to pods of other namespaces');
      }
    }
  }
}
