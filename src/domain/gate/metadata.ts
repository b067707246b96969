/** What an object, or a template of objects, says about itself. */
import { isAllowedAnnotation } from './annotations.ts';
import type { GatePolicy } from '../gate.ts';
import type { Place } from './place.ts';
import { quoted } from './refusals.ts';

/** Berth's own labels and annotations begin with it. */
const ourPrefix = 'berth.dev/';
const managedBy = 'app.kubernetes.io/managed-by';

/** Holds for the objects themselves, and for whatever is made from a template: pods, jobs, claims. */
export function checkMetadata(metadata: Place, policy: GatePolicy): void {
  const namespace = metadata.at('namespace').text();
  if (namespace !== undefined && namespace !== '' && namespace !== policy.namespace) {
    metadata.at('namespace').refuse(`another namespace than the preview's: ${quoted(namespace)}`);
  }
  if (metadata.at('finalizers').items().length > 0) {
    metadata.at('finalizers').refuse('finalizers would keep the preview from being removed');
  }
  if (metadata.at('ownerReferences').items().length > 0)
    metadata.at('ownerReferences').refuse('owners are set by Kubernetes only');
  for (const [name, text, place] of metadata.at('labels').texts()) {
    if (isOurs(name, text)) place.refuse("is one of Berth's own labels");
  }
  for (const [name, text, place] of metadata.at('annotations').texts()) {
    if (isOurs(name, text)) place.refuse("is one of Berth's own annotations");
    else if (!isAllowedAnnotation(name, text, policy.extraAnnotations)) {
      place.refuse('annotation that is not among those a preview may have; the administrator can allow it');
    }
  }
}

/** Also of the name by which the object is found. */
export function checkName(metadata: Place): void {
  const name = metadata.at('name');
  const text = name.text();
  if (metadata.at('generateName').text()) metadata.at('generateName').refuse('a name of its own is needed');
  if (text === undefined) name.refuse('a name is needed');
  else if (text.length > 253 || !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text) || text.includes('..')) {
    name.refuse(`${quoted(text)} is not a name that Kubernetes has`);
  }
}

function isOurs(name: string, text: string): boolean {
  const [prefix = ''] = name.toLowerCase().split('/', 1);
  if (`${prefix}/` === ourPrefix || prefix.endsWith(`.${ourPrefix.slice(0, -1)}`)) return true;
  return name.toLowerCase() === managedBy && text.trim().toLowerCase() === 'berth';
}
