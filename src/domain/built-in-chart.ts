/** Values for `charts/preview`, the chart for repositories that have none. */
import type { Json, JsonObject } from './json.ts';
import { isJsonObject } from './placeholders.ts';

/** Where a container is expected to listen when its Dockerfile does not say. */
const defaultPort = 8080;

/** The port of every Service that the built-in chart makes, whatever its container listens on. */
export const builtInServicePort = 80;

/**
 * One app for each image, listening where its Dockerfile says; the manifest's `values` win, and may add apps.
 * `ports` has the exposed port by image name, if any.
 */
export function builtInValues(
  images: readonly { readonly name: string }[],
  ports: ReadonlyMap<string, number>,
  values: JsonObject,
): JsonObject {
  const apps = images.map(({ name }) => [name, { image: `\${images.${name}}`, port: ports.get(name) ?? defaultPort }]);
  return merged({ apps: Object.fromEntries(apps) as JsonObject }, values);
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
