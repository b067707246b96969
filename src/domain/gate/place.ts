/** Reads objects whose shape nobody has promised: what is not of the type that Kubernetes has there refuses the object. */
import type { Json, JsonObject } from '../json.ts';
import { quoted } from './refusals.ts';

export type Refuse = (field: string, rule: string) => void;

/** One place within an object, and what is there. `null` is absent, as it is for Kubernetes. */
export class Place {
  readonly #value: Exclude<Json, null> | undefined;
  readonly #refuse: Refuse;
  readonly #parent: Place | undefined;
  readonly #step: string | number;

  constructor(value: Json | undefined, refuse: Refuse, parent?: Place, step: string | number = '') {
    this.#value = value ?? undefined;
    this.#refuse = refuse;
    this.#parent = parent;
    this.#step = step;
  }

  /** Path within the object, empty for the object itself. Put together when it is asked for: most places are fine. */
  get path(): string {
    if (this.#parent === undefined) return '';
    return typeof this.#step === 'number'
      ? `${this.#parent.path}[${this.#step}]`
      : pathOf(this.#parent.path, this.#step);
  }

  /** Name of the field that this is, or that this is an item of. */
  get fieldName(): string {
    return typeof this.#step === 'string' ? this.#step : (this.#parent?.fieldName ?? '');
  }

  get isAbsent(): boolean {
    return this.#value === undefined;
  }

  /** Absent, or what Kubernetes takes for nothing: an empty text, list or object, `false`, zero. */
  get isEmpty(): boolean {
    const value = this.#value;
    if (value === undefined || value === '' || value === false || value === 0) return true;
    return typeof value === 'object' && Object.keys(value).length === 0;
  }

  /** What is there as it is, to look at and not to trust. */
  get raw(): Json | undefined {
    return this.#value;
  }

  refuse(rule: string): void {
    this.#refuse(this.path, rule);
  }

  /**
   * A field of this object. Spelled in another case it refuses the object: Kubernetes before 1.11 took it for the same
   * field (kubernetes/kubernetes#64612), and so may whatever else reads it.
   */
  at(name: string, ...deeper: readonly string[]): Place {
    const place = this.#field(name);
    const [next, ...rest] = deeper;
    return next === undefined ? place : place.at(next, ...rest);
  }

  /** Every field of this object; none when it is absent. */
  fields(): readonly (readonly [name: string, place: Place])[] {
    const object = this.#object();
    return object === undefined
      ? []
      : Object.entries(object).map(([name, value]) => [name, this.#inner(value, name)] as const);
  }

  /** Whatever is right within this object or list; nothing is demanded of it. */
  members(): readonly Place[] {
    if (isObject(this.#value)) return this.fields().map(([, place]) => place);
    if (!isList(this.#value ?? null)) return [];
    return (this.#value as readonly Json[]).map((value, index) => this.#inner(value, index));
  }

  /** Every item of this list, none of which is `null`; none when it is absent. */
  items(): readonly Place[] {
    if (this.#value === undefined) return [];
    if (!isList(this.#value)) {
      this.refuse(`must be a list, not ${kindOf(this.#value)}`);
      return [];
    }
    return this.#value.map((value, index) => {
      const item = this.#inner(value, index);
      if (item.isAbsent) item.refuse('must not be null');
      return item;
    });
  }

  text(): string | undefined {
    if (this.#value === undefined || typeof this.#value === 'string') return this.#value;
    this.refuse(`must be a text, not ${kindOf(this.#value)}`);
    return undefined;
  }

  flag(): boolean | undefined {
    if (this.#value === undefined || typeof this.#value === 'boolean') return this.#value;
    this.refuse(`must be true or false, not ${kindOf(this.#value)}`);
    return undefined;
  }

  number(): number | undefined {
    if (this.#value === undefined || typeof this.#value === 'number') return this.#value;
    this.refuse(`must be a number, not ${kindOf(this.#value)}`);
    return undefined;
  }

  /** Texts by their names, e.g. labels. */
  texts(): readonly (readonly [name: string, text: string, place: Place])[] {
    return this.fields().flatMap(([name, place]) => {
      // Nothing else may be null where Kubernetes wants a text: it is then an empty one.
      const text = place.text() ?? '';
      return [[name, text, place] as const];
    });
  }

  #field(name: string): Place {
    const object = this.#object();
    if (object === undefined) return this.#inner(undefined, name);
    for (const spelling of spellingsOf(object).get(folded(name)) ?? []) {
      if (spelling !== name) this.#refuse(pathOf(this.path, spelling), `is spelled ${quoted(name)}`);
    }
    return this.#inner(Object.hasOwn(object, name) ? object[name] : undefined, name);
  }

  #inner(value: Json | undefined, step: string | number): Place {
    return new Place(value, this.#refuse, this, step);
  }

  #object(): JsonObject | undefined {
    if (this.#value === undefined) return undefined;
    if (isObject(this.#value)) return this.#value;
    this.refuse(`must be an object, not ${kindOf(this.#value)}`);
    return undefined;
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `metadata` and `labels` make `metadata.labels`; what is no plain word stands in brackets. */
export function pathOf(parent: string, name: string): string {
  if (!/^[A-Za-z][A-Za-z0-9]{0,63}$/.test(name)) return `${parent}[${quoted(name)}]`;
  return parent === '' ? name : `${parent}.${name}`;
}

/** Names that a decoder which does not mind the case takes for one another, Go's `ſ` for `s` and `K` for `k` included. */
function folded(name: string): string {
  return name.toUpperCase().toLowerCase();
}

/** The object's names by what they are without regard to case. Remembered, so that reading all fields takes linear time. */
function spellingsOf(object: JsonObject): ReadonlyMap<string, readonly string[]> {
  const known = spellings.get(object);
  if (known !== undefined) return known;
  const found = new Map<string, string[]>();
  for (const name of Object.keys(object)) {
    const same = found.get(folded(name));
    if (same === undefined) found.set(folded(name), [name]);
    else same.push(name);
  }
  spellings.set(object, found);
  return found;
}

const spellings = new WeakMap<JsonObject, ReadonlyMap<string, readonly string[]>>();

// `Array.isArray` does not narrow readonly arrays.
function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function kindOf(value: Json): string {
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return 'a text';
    case 'number':
      return 'a number';
    case 'boolean':
      return String(value);
    default:
      return 'an object';
  }
}
