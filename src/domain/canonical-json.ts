import type { Json } from './json.ts';
import { isJsonObject } from './placeholders.ts';

/** The one text for a value, whatever the order in which its keys were added: what digests are computed over. */
export function canonicalJson(value: Json): string {
  if (isJsonObject(value)) {
    const keys = Object.keys(value).sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`).join(',')}}`;
  }
  return Array.isArray(value) ? `[${value.map((item: Json) => canonicalJson(item)).join(',')}]` : JSON.stringify(value);
}
