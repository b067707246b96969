/** One object, held against everything that is asked of its kind. */
import type { GatePolicy } from '../gate.ts';
import { checkIngress, checkRoute } from './hosts.ts';
import { groupKind, isExtraKind, type Kind, kindOf, kindRefusal } from './kinds.ts';
import { checkMetadata, checkName } from './metadata.ts';
import { isObject, type Place } from './place.ts';
import { podsWithin, podTemplateOf } from './pod-specs.ts';
import { checkPod } from './pods.ts';
import { checkServiceAccount, checkStoredData } from './reserved.ts';
import { checkService } from './services.ts';
import { checkClaim } from './volumes.ts';

export function checkObject(object: Place, policy: GatePolicy): void {
  if (!isObject(object.raw)) {
    object.refuse('is no object of Kubernetes');
    return;
  }
  const kind = kindOf(object.at('apiVersion').text() ?? '', object.at('kind').text() ?? '');
  if (kind === undefined) {
    object.at('kind').refuse('an object needs an apiVersion and a kind that Kubernetes can have');
    return;
  }
  const refusal = kindRefusal(kind, policy.extraKinds);
  if (refusal !== undefined) {
    object.at('kind').refuse(`${kind.name} ${refusal}`);
    return;
  }
  checkName(object.at('metadata'));
  checkMetadata(object.at('metadata'), policy);
  const template = podTemplateOf(object, kind);
  if (template !== undefined) checkPod(template, policy);
  if (isExtraKind(kind, policy.extraKinds)) checkUnknown(object, policy);
  else checkKind(object, kind, policy);
}

function checkKind(object: Place, kind: Kind, policy: GatePolicy): void {
  switch (groupKind(kind)) {
    case '/Service':
      return checkService(object);
    case '/ServiceAccount':
      return checkServiceAccount(object);
    case '/Secret':
    case '/ConfigMap':
      return checkStoredData(object);
    case '/PersistentVolumeClaim':
      return checkClaim(object.at('spec'), policy);
    case 'apps/StatefulSet':
      for (const claim of object.at('spec', 'volumeClaimTemplates').items()) {
        checkMetadata(claim.at('metadata'), policy);
        checkClaim(claim.at('spec'), policy);
      }
      return;
    case 'batch/CronJob':
      return checkMetadata(object.at('spec', 'jobTemplate', 'metadata'), policy);
    case 'extensions/Ingress':
    case 'networking.k8s.io/Ingress':
      return checkIngress(object, policy);
    case 'gateway.networking.k8s.io/GRPCRoute':
    case 'gateway.networking.k8s.io/HTTPRoute':
      return checkRoute(object, policy);
    default:
      return;
  }
}

/**
 * A kind that only the operator knows: what looks like a pod in it may be only a part of one, so that what is forbidden is
 * refused there, and what is demanded is left to the program that makes the pod, and to the cluster.
 */
function checkUnknown(object: Place, policy: GatePolicy): void {
  const podSecurity = policy.podSecurity === 'privileged' ? 'privileged' : 'baseline';
  for (const template of podsWithin(object)) {
    const names = !template.spec.at('runtimeClassName').isAbsent;
    checkPod(template, { ...policy, podSecurity, runtimeClass: names ? policy.runtimeClass : undefined });
  }
}
