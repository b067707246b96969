/** What of a release Kubernetes does not let change in place. Pure. */
import type { JsonObject } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/placeholders.ts';

/** Making one of these anew loses nothing but a moment. Volumes, and objects that controllers keep data for, are not among them. */
const replaceableKinds = new Set([
  'ConfigMap',
  'DaemonSet',
  'Deployment',
  'Job',
  'ReplicaSet',
  'RoleBinding',
  'Secret',
  'Service',
  'StatefulSet',
]);

/** The API server has one reason, `Invalid`, for a bad value and for a changed one, so that its words are all there is. */
const immutable =
  /field is immutable|may not change once set|updates to statefulset spec for fields other than|cannot change roleRef|spec is immutable after creation/;

interface ImmutableObject {
  readonly kind: string;
  readonly name: string;
}

/** The objects that Helm says it could not change into what they should be, in its standard error; none when it failed otherwise. */
export function immutableObjects(said: string): readonly ImmutableObject[] {
  // Helm tries every object, and tells of all that failed in one line.
  return said.split(' && ').flatMap((part) => {
    const [, name, kind] = /cannot patch "([^"]+)" with kind ([A-Za-z]+): /.exec(part) ?? [];
    return name !== undefined && kind !== undefined && immutable.test(part) ? [{ kind, name }] : [];
  });
}

/**
 * The objects of a chart without those that have to be made anew. `undefined` when this would not help: nothing is immutable, or
 * something is that must not be thrown away.
 */
export function withoutImmutable(
  objects: readonly JsonObject[],
  refused: readonly ImmutableObject[],
): readonly JsonObject[] | undefined {
  if (refused.length === 0 || !refused.every(({ kind }) => replaceableKinds.has(kind))) return undefined;
  const isRefused = ({ kind, metadata }: JsonObject): boolean =>
    refused.some((each) => kind === each.kind && isJsonObject(metadata) && metadata['name'] === each.name);
  return objects.filter((object) => !isRefused(object));
}
