/** Which schemas for values Helm may read: it fetches what they refer to, from the worker's disk and network. Pure. */

/** Meta-schemas that Helm's validator has in itself. Source: github.com/santhosh-tekuri/jsonschema, `draft.go` */
const builtIn = /^https?:\/\/json-schema\.org\/(draft-0[4-7]|draft\/20(19-09|20-12))\/schema#?$/;
const references = new Set(['$ref', '$dynamicRef', '$recursiveRef']);
const mostLevels = 500;

/** Whether a `values.schema.json` refers to nothing but parts of itself. One that cannot be parsed does not count as such. */
export function isSelfContained(text: string): boolean {
  let schema: unknown;
  try {
    schema = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return false;
  }
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value: schema, depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, depth } = next;
    if (depth > mostLevels) return false;
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, child] of Object.entries(value)) {
      if (typeof child === 'string') {
        if (references.has(key) && !child.startsWith('#')) return false;
        if (key === '$schema' && !builtIn.test(child)) return false;
        // Another base: what looks like a part of this schema may be one of another's.
        if ((key === '$id' || key === 'id') && depth > 0 && /^[a-z][a-z0-9+.-]*:/i.test(child)) return false;
      }
      open.push({ value: child, depth: depth + 1 });
    }
  }
  return true;
}
