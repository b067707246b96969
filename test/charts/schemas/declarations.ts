/** Turns TypeScript declarations that were generated from an OpenAPI document back into JSON Schema, strict about unknown fields. */

/** As much of JSON Schema as declarations can say. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
}

/**
 * The schema of the class, interface or type that a file declares. `reference` gives
 * the schema for a name that the file imports
 * from a module.
 * @throws for syntax that generated declarations do not have.
 */
export function parseDeclaration(text: string, reference: (module: string) => Schema): Schema {
  const withoutComments = text.replaceAll(/\/\*[\s\S]*?\*\//g, '');
  // The methods and constants of a class are no fields, and come last.
  const source = withoutComments.replace(/\n +(?:static|constructor)\b[\s\S]*$/, '\n}');
  const imports = new Map<string, string>();
  for (const [, names = '', module = ''] of source.matchAll(/import \{([^}]*)\} from ["']([^"']+)["']/g)) {
    for (const name of names.split(',')) imports.set(name.trim(), module);
  }
  // A class has the fields of what its interface extends, too.
  const found =
    /export declare class \w+[^{]*/.exec(source) ??
    /export (?:interface \w+[^{]*|(?:declare )?type \w+ = )/.exec(source);
  if (!found) throw new Error('nothing is declared');
  const parser = new TypeParser(source, found.index + found[0].length, (name) => reference(imports.get(name) ?? ''));
  return parser.type();
}

class TypeParser {
  readonly #text: string;
  readonly #reference: (name: string) => Schema;
  #at: number;

  constructor(text: string, at: number, reference: (name: string) => Schema) {
    this.#text = text;
    this.#at = at;
    this.#reference = reference;
  }

  type(): Schema {
    const members = [this.#single()];
    while (this.#take(/^\|/)) members.push(this.#single());
    const literals = members.flatMap(({ enum: values }) => values ?? []);
    if (literals.length === members.length) return { type: 'string', enum: literals };
    const [only] = members;
    return members.length === 1 && only ? only : { anyOf: members };
  }

  #single(): Schema {
    let schema = this.#base();
    while (this.#take(/^\[\]/)) schema = { type: 'array', items: schema };
    return schema;
  }

  #base(): Schema {
    if (this.#take(/^\(/)) {
      const inner = this.type();
      this.#need(/^\)/);
      return inner;
    }
    if (this.#take(/^(?:Array|ReadonlyArray)</)) {
      const items = this.type();
      this.#need(/^>/);
      return { type: 'array', items };
    }
    if (this.#take(/^\{/)) return this.#object();
    const literal = this.#take(/^(["'])(.*?)\1/);
    if (literal) return { enum: [literal[2] ?? ''] };
    const name = this.#need(/^[\w.]+/)[0];
    switch (name) {
      case 'string':
      case 'number':
      case 'boolean':
      case 'null':
        return { type: name };
      case 'any':
      case 'unknown':
      case 'object':
        return {};
      case 'Date':
        return { type: 'string' };
      case 'IntOrString':
        return { type: ['integer', 'string'] };
      default:
        return this.#reference(name);
    }
  }

  /** What stands between braces. */
  #object(): Schema {
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    let others: Schema | false = false;
    while (!this.#take(/^\}/)) {
      if (this.#take(/^\[\w+: string\]:/)) {
        others = this.type();
      } else {
        const field = this.#need(/^(["']?)([\w$.-]+)\1(\??):/);
        // Names that are words of the language have an underscore before them.
        const name = (field[2] ?? '').replace(/^_/, '');
        properties[name] = this.type();
        if (field[3] !== '?') required.push(name);
      }
      this.#need(/^;/);
    }
    return {
      type: 'object',
      ...(Object.keys(properties).length > 0 && { properties }),
      ...(required.length > 0 && { required }),
      additionalProperties: others,
    };
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1;
    const found = pattern.exec(this.#text.slice(this.#at));
    if (!found) return undefined;
    this.#at += found[0].length;
    return found;
  }

  #need(pattern: RegExp): RegExpExecArray {
    const found = this.#take(pattern);
    if (found) return found;
    throw new Error(`expected ${pattern} at: ${this.#text.slice(this.#at, this.#at + 80)}`);
  }
}
