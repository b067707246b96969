/** Finds every pod that an object makes, and every container of a pod. */
import type { Json } from '../json.ts';
import { type Kind, podTemplatePath } from './kinds.ts';
import { isObject, type Place } from './place.ts';

/** What a pod is made from. */
export interface PodTemplate {
  readonly metadata: Place;
  readonly spec: Place;
}

/** The pods of a kind that Kubernetes itself knows; at most one. */
export function podTemplateOf(object: Place, kind: Kind): PodTemplate | undefined {
  const path = podTemplatePath(kind);
  if (path === undefined) return undefined;
  let place = object;
  for (const name of path) place = place.at(name);
  return { metadata: place.at('metadata'), spec: place.at('spec') };
}

/** Whatever looks like a pod in an object of which nothing is known: an object with a list of containers. */
export function podsWithin(object: Place): readonly PodTemplate[] {
  const found: PodTemplate[] = [];
  const stack: { readonly place: Place; readonly parent: Place | undefined }[] = [{ place: object, parent: undefined }];
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    const { place, parent } = visit;
    if (hasContainers(place.raw))
      found.push({
        metadata: (parent !== undefined && isObject(parent.raw) ? parent : place).at('metadata'),
        spec: place,
      });
    for (const member of place.members()) stack.push({ place: member, parent: place });
  }
  return found.toReversed();
}

/** Init containers, containers and ephemeral containers, in this order. */
export function containersOf(spec: Place): readonly Place[] {
  return [
    ...spec.at('initContainers').items(),
    ...spec.at('containers').items(),
    ...spec.at('ephemeralContainers').items(),
  ];
}

function hasContainers(value: Json | undefined): boolean {
  return (
    isObject(value) &&
    ['containers', 'initContainers', 'ephemeralContainers'].some((name) => Array.isArray(value[name]))
  );
}
