/**
 * What a rendered chart may hold. Helm applies nothing before it has passed here, whether the cluster enforces Pod Security
 * or not. Pure.
 */
import { isPlain, maxObjects, newBudget } from './gate/bounds.ts';
import { checkObject } from './gate/objects.ts';
import { isObject, Place, type Refuse } from './gate/place.ts';
import { EnoughError, Refusals } from './gate/refusals.ts';
import type { Json } from './json.ts';
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
 * Why not to apply these objects (parsed documents of a rendered chart, hooks and CRDs included), in their order; empty when
 * there is no reason. At most `maxRefusals`. Takes whatever was parsed: what is no object is refused like anything else.
 * Duplicate names, tags and merge keys are gone after parsing: whoever parses refuses them.
 */
export function refusalsOf(objects: readonly unknown[], policy: GatePolicy): readonly Refusal[] {
  const refusals = new Refusals();
  try {
    checkAll(objects, policy, refusals);
  } catch (error) {
    if (!(error instanceof EnoughError)) throw error;
  }
  return refusals.list;
}

function checkAll(objects: readonly unknown[], policy: GatePolicy, refusals: Refusals): void {
  if (objects.length > maxObjects) {
    refusals.add('Chart', 'objects', `has more than ${maxObjects} objects`);
    return;
  }
  const budget = newBudget();
  for (const [index, object] of objects.entries()) {
    const name = objectName(object, `Document ${index + 1}`);
    const refuse: Refuse = (field, rule) => refusals.add(name, field, rule);
    if (!isPlain(object, budget, refuse)) continue;
    for (const { item, itemName } of itemsOf(object, name, refuse)) {
      const ofItem: Refuse = (field, rule) => refusals.add(itemName, field, rule);
      checkObject(new Place(item, ofItem), policy);
    }
  }
}

/** One diagnosis for all refusals, of which there is at least one: the first in its sentence, at most 20 in its log. */
export function refusedChart(refusals: readonly Refusal[]): Diagnosis {
  const lines = refusals.map(({ object, field, rule }) =>
    field === '' ? `${object}: ${rule}` : `${object}: ${field}: ${rule}`,
  );
  const [first = 'nothing', ...others] = lines;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return {
    reason: 'ChartRefused',
    message: `The chart has something that a preview may not have: ${first}${more}.`,
    log:
      lines.length <= maxLogLines
        ? lines
        : [...lines.slice(0, maxLogLines - 1), `and ${lines.length - maxLogLines + 1} more`],
  };
}

const maxLogLines = 20;

/** What to look at: the object, or those in it when it is a list. */
function itemsOf(
  object: Json,
  name: string,
  refuse: Refuse,
): readonly { readonly item: Json; readonly itemName: string }[] {
  const place = new Place(object, refuse);
  if (!isObject(object) || place.at('items').isAbsent) return [{ item: object, itemName: name }];
  // Helm takes whatever has `items` for a list, whatever it calls itself.
  if (object['kind'] !== 'List' || object['apiVersion'] !== 'v1') {
    place.at('items').refuse('only a List has items');
    return [];
  }
  return place
    .at('items')
    .items()
    .map((item) => ({ item: item.raw ?? null, itemName: objectName(item.raw, `${name}, ${item.path}`) }));
}

/** `<Kind>/<name>` as far as the object says. */
function objectName(object: unknown, otherwise: string): string {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return otherwise;
  const { kind, metadata } = object as { readonly kind?: unknown; readonly metadata?: unknown };
  if (typeof kind !== 'string') return otherwise;
  const name = typeof metadata === 'object' && metadata !== null && 'name' in metadata ? metadata.name : undefined;
  return typeof name === 'string' ? `${kind}/${name}` : `${otherwise} (${kind})`;
}
