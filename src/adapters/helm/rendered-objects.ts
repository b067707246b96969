/** What a rendered chart consists of: the objects that Helm would apply. Pure. */
import type { Json, JsonObject } from '../../domain/json.ts';

export type ObjectsResult = { readonly objects: readonly JsonObject[] } | { readonly problem: string };

/**
 * The objects among a rendering's documents, in their order: lists are taken apart as Helm does it, tests are left out, since
 * nobody runs `helm test` here.
 */
export function renderedObjects(documents: readonly Json[]): ObjectsResult {
  const objects: JsonObject[] = [];
  for (const document of documents) {
    if (!isMapping(document)) return { problem: 'it renders a document that is not an object' };
    const { items, kind } = document;
    if (!Array.isArray(items)) {
      if (!isTest(document)) objects.push(document);
      continue;
    }
    // Helm applies the items of whatever has some, and forgets what they are in.
    if (typeof kind !== 'string' || !kind.endsWith('List')) return { problem: 'an object that is no list has `items`' };
    for (const item of items as readonly Json[]) {
      if (!isMapping(item) || item['kind'] === undefined || Array.isArray(item['items'])) {
        return { problem: `an item of a \`${kind.slice(0, 100)}\` is not an object with a kind of its own` };
      }
      objects.push(item);
    }
  }
  return { objects };
}

/** The events that hooks among the objects run at, e.g. `post-install`. */
export function hookEvents(objects: readonly JsonObject[]): ReadonlySet<string> {
  return new Set(objects.flatMap(eventsOf));
}

/** Whether Helm must wait for readiness itself, because hooks run after that. */
export function hasPostHooks(events: ReadonlySet<string>): boolean {
  return events.has('post-install') || events.has('post-upgrade');
}

/** Whether the release must be uninstalled before its namespace goes. */
export function hasDeleteHooks(events: ReadonlySet<string>): boolean {
  return events.has('pre-delete') || events.has('post-delete');
}

function isTest(object: JsonObject): boolean {
  const events = eventsOf(object);
  return events.length > 0 && events.every((event) => event === 'test' || event === 'test-success');
}

function eventsOf({ metadata }: JsonObject): readonly string[] {
  const annotations = isMapping(metadata) ? metadata['annotations'] : undefined;
  const events = isMapping(annotations) ? annotations['helm.sh/hook'] : undefined;
  return typeof events === 'string' ? events.split(',').map((event) => event.trim().toLowerCase()) : [];
}

function isMapping(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
