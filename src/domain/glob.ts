/** Globs over paths, in a time that grows with the lengths of both and nothing else: names of files are strangers' text. */

type Part =
  | { readonly is: 'text'; readonly matches: (character: string) => boolean }
  /** Any characters of one folder's or file's name. */
  | { readonly is: 'star' }
  /** Whole folders, any number of them, with the slash after each; at the end, everything. */
  | { readonly is: 'folders'; readonly atEnd: boolean }
  | { readonly is: 'either'; readonly choices: readonly (readonly Part[])[] };

/**
 * Whether the glob matches the whole path. `*` and `?` stay within a name, `**` as a whole name stands for any folders,
 * `[a-z]` and `{a,b}` are as in shells. Names that begin with a dot are only matched by a dot.
 */
export function matchesGlob(path: string, glob: string): boolean {
  const start = new Uint8Array(path.length + 1);
  start[0] = 1;
  return after(path, start, partsOf(glob))[path.length] === 1;
}

/** All places where what was matched so far may end, moved on by the parts: none is tried twice. */
function after(path: string, places: Uint8Array, parts: readonly Part[]): Uint8Array {
  let current = places;
  for (const part of parts) {
    if (!current.includes(1)) return current;
    current = afterPart(path, current, part);
  }
  return current;
}

function afterPart(path: string, places: Uint8Array, part: Part): Uint8Array {
  const next = new Uint8Array(places.length);
  switch (part.is) {
    case 'text':
      for (let at = 0; at < path.length; at += 1) {
        if (places[at] === 1 && part.matches(path[at] ?? '')) next[at + 1] = 1;
      }
      return next;
    case 'star':
      for (let at = 0; at < places.length; at += 1) {
        const goesOn = at > 0 && next[at - 1] === 1 && path[at - 1] !== '/' && !isHiddenStart(path, at - 1);
        next[at] = places[at] === 1 || goesOn ? 1 : 0;
      }
      return next;
    case 'folders': {
      let isReached = false;
      for (let at = 0; at < places.length; at += 1) {
        // One that begins with a dot ends what is reached.
        if (isReached && isNameStart(path, at) && path[at] === '.') isReached = false;
        if (places[at] === 1 && isNameStart(path, at)) {
          next[at] = 1;
          isReached = path[at] !== '.';
        } else if (isReached && (part.atEnd || isNameStart(path, at))) next[at] = 1;
      }
      return next;
    }
    case 'either':
      for (const choice of part.choices) {
        for (const [at, isPlace] of after(path, places, choice).entries()) if (isPlace === 1) next[at] = 1;
      }
      return next;
  }
}

function isNameStart(path: string, at: number): boolean {
  return at === 0 || path[at - 1] === '/';
}

function isHiddenStart(path: string, at: number): boolean {
  return path[at] === '.' && isNameStart(path, at);
}

const literal = (wanted: string): Part => ({ is: 'text', matches: (character) => character === wanted });
const anyCharacter: Part = { is: 'text', matches: (character) => character !== '/' };

/** Braces that have an end, by where they begin, and whether there is a comma between. */
function bracesOf(glob: string): ReadonlyMap<number, 'one' | 'several'> {
  const braces = new Map<number, 'one' | 'several'>();
  const open: { readonly at: number; kind: 'one' | 'several' }[] = [];
  for (let at = 0; at < glob.length; at += 1) {
    const character = glob[at];
    if (character === '\\') at += 1;
    else if (character === '{') open.push({ at, kind: 'one' });
    else if (character === ',' && open.length > 0)
      open[open.length - 1] = { at: open.at(-1)?.at ?? 0, kind: 'several' };
    else if (character === '}') {
      const brace = open.pop();
      if (brace) braces.set(brace.at, brace.kind);
    }
  }
  return braces;
}

function partsOf(glob: string): readonly Part[] {
  const braces = bracesOf(glob);
  let at = 0;

  function sequence(closers: string): readonly Part[] {
    const parts: Part[] = [];
    while (at < glob.length && !closers.includes(glob[at] ?? '')) parts.push(one());
    return parts;
  }

  function one(): Part {
    const character = glob[at] ?? '';
    at += 1;
    if (character === '\\' && at < glob.length) return literal(glob[at++] ?? '');
    if (character === '?') return anyCharacter;
    if (character === '*') return stars();
    if (character === '[') return oneOf() ?? literal('[');
    return character === '{' ? (choices() ?? literal('{')) : literal(character);
  }

  function stars(): Part {
    const from = at - 1;
    while (glob[at] === '*') at += 1;
    const isWhole =
      at - from === 2 && (from === 0 || glob[from - 1] === '/') && (at === glob.length || glob[at] === '/');
    if (!isWhole) return { is: 'star' };
    const atEnd = at === glob.length;
    if (!atEnd) at += 1;
    return { is: 'folders', atEnd };
  }

  function oneOf(): Part | undefined {
    const end = glob.indexOf(']', at + 1);
    if (end < 0) return undefined;
    const isNot = glob[at] === '!' || glob[at] === '^';
    const inside = glob.slice(isNot ? at + 1 : at, end);
    at = end + 1;
    const matches = (character: string): boolean => {
      for (let from = 0; from < inside.length; from += 1) {
        const low = inside[from] ?? '';
        const isRange = inside[from + 1] === '-' && from + 2 < inside.length;
        const high = isRange ? (inside[from + 2] ?? '') : low;
        if (character >= low && character <= high) return true;
        if (isRange) from += 2;
      }
      return false;
    };
    return { is: 'text', matches: (character) => character !== '/' && matches(character) !== isNot };
  }

  function choices(): Part | undefined {
    const kind = braces.get(at - 1);
    if (kind === undefined) return undefined;
    // As in shells, braces around one thing are braces.
    const closers = kind === 'one' ? '}' : ',}';
    const found = [sequence(closers)];
    // There is none between braces around one thing.
    while (glob[at] === ',') {
      at += 1;
      found.push(sequence(closers));
    }
    at += 1;
    return {
      is: 'either',
      choices: kind === 'several' ? found : found.map((only) => [literal('{'), ...only, literal('}')]),
    };
  }

  return sequence('');
}
