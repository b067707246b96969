/**
 * What a rendered chart may hold. Helm applies nothing before it has passed here, whether the cluster enforces Pod Security
 * or not. Pure.
 */
import type { JsonObject } from './json.ts';
import type { Diagnosis } from './preview.ts';

/** What one preview's objects are held against. */
export interface GatePolicy {
  /** Kubernetes' Pod Security level that every pod must comply with. */
  readonly podSecurity: 'restricted' | 'baseline' | 'privileged';
  /** The preview's; objects name it or none. */
  readonly namespace: string;
  /** Host names that the preview's routes have; an Ingress or HTTPRoute may name these and no others. */
  readonly hosts: readonly string[];
  /** Kinds that the operator allows besides the usual ones, each `<group>/<Kind>`, e.g. `postgresql.cnpg.io/Cluster`. */
  readonly extraKinds: readonly string[];
  /** Annotations that the operator allows besides the usual ones: keys, or prefixes that end in a slash, e.g. `acme.io/`. */
  readonly extraAnnotations: readonly string[];
  /**
   * Minor version of the cluster's Kubernetes 1.x. Pods may use what Pod Security relaxes for Windows (1.25) and for user
   * namespaces (1.35) from there on, since older clusters ignore the fields that make it safe. `undefined`: never.
   */
  readonly kubernetesMinor: number | undefined;
  /** RuntimeClass that every pod must name; `undefined` when it may name any or none. */
  readonly runtimeClass: string | undefined;
}

/** Why one object may not be applied. */
export interface Refusal {
  /** `<Kind>/<name>`, a stranger's text. */
  readonly object: string;
  /** Path of the field within the object, e.g. `spec.template.spec.containers[0].securityContext.privileged`. */
  readonly field: string;
  /** The rule as a person would call it, e.g. `Pod Security "baseline": privileged containers`. */
  readonly rule: string;
}

/**
 * Every reason not to apply these objects (parsed documents of a rendered chart, hooks and CRDs included), in their order;
 * empty when there is none.
 */
export function refusalsOf(objects: readonly JsonObject[], policy: GatePolicy): readonly Refusal[] {
  return objects.length > 0 && policy.namespace === '' ? [] : [];
}

/** One diagnosis for all refusals, of which there is at least one: the first in its sentence, at most 20 in its log. */
export function refusedChart(refusals: readonly Refusal[]): Diagnosis {
  const [first] = refusals;
  return {
    reason: 'ChartRefused',
    message: `The chart may not be installed: ${first?.object} ${first?.field}: ${first?.rule}.`,
  };
}
