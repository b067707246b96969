/** Values for `charts/preview`, the chart for repositories that have none. */
import type { Json, JsonObject } from './json.ts';
import { isJsonObject } from './placeholders.ts';

/** Where a container is expected to listen when its Dockerfile does not say. */
const defaultPort = 8080;

/** The port of every Service that the built-in chart makes, whatever its container listens on. */
export const builtInServicePort = 80;

/**
 * One app for each image, listening where its Dockerfile says, or a worker when `values` have one of that name; the manifest's
 * `values` win, and may add apps and workers. `ports` has the exposed port by image name, if any.
 */
export function builtInValues(
  images: readonly { readonly name: string }[],
  ports: ReadonlyMap<string, number>,
  values: JsonObject,
): JsonObject {
  const apps: Record<string, Json> = {};
  const workers: Record<string, Json> = {};
  for (const { name } of images) {
    const image = `\${images.${name}}`;
    const worker = workerOf(values, name);
    if (worker === undefined) apps[name] = { image, port: ports.get(name) ?? defaultPort };
    // One that runs an app has that one's image.
    else workers[name] = worker?.['app'] === undefined ? merged({ image }, worker ?? {}) : worker;
  }
  const filled = merged({ apps }, values);
  return Object.keys(workers).length === 0 ? filled : merged(filled, { workers });
}

/** Those of the images that are apps, so that there is a Service to look at. */
export function servedImages<Image extends { readonly name: string }>(
  images: readonly Image[],
  values: JsonObject,
): readonly Image[] {
  return images.filter(({ name }) => workerOf(values, name) === undefined);
}

/** `undefined` when there is no such worker. */
function workerOf(values: JsonObject, name: string): JsonObject | null | undefined {
  const { workers } = values;
  if (!isJsonObject(workers) || !Object.hasOwn(workers, name)) return undefined;
  const worker = workers[name];
  return isJsonObject(worker) ? worker : null;
}

/** `over` wins; mappings are merged, lists are not: as Helm does it. */
function merged(under: JsonObject, over: JsonObject): JsonObject {
  const result: Record<string, Json> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = under[key];
    result[key] = isJsonObject(below) && isJsonObject(value) ? merged(below, value) : value;
  }
  return result;
}
