/**
 * The port that an image's Dockerfile says it listens on: of its last `EXPOSE`, in the stage that is built or one that
 * stage is made from. Read from the text, so what a base image exposes stays unknown.
 */

/** More than anybody writes: each stage takes over what the one before it has set. */
const maxStages = 200;
const maxVariables = 1_000;

interface Stage {
  readonly variables: Map<string, string>;
  port: number | undefined;
}

/** The first TCP port of that `EXPOSE`; `undefined` when there is none, or it cannot be told without building. */
export function exposedPort(
  dockerfile: string,
  target: string | undefined,
  args: Readonly<Record<string, string>>,
): number | undefined {
  const stages = new Map<string, Stage>();
  const globals = new Map<string, string>();
  let current: Stage | undefined;
  for (const { keyword, rest } of instructions(dockerfile)) {
    if (keyword === 'FROM') {
      if (stages.size >= maxStages) return undefined;
      const [, base = '', name = String(stages.size)] = /^(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(rest) ?? [];
      const parent = stages.get(base.toLowerCase());
      current = { variables: new Map(parent?.variables), port: parent?.port };
      stages.set(name.toLowerCase(), current);
    } else if (keyword === 'ARG') {
      const [, name = '', fallback] = /^([A-Za-z_]\w*)(?:=(.*))?$/.exec(rest) ?? [];
      const value = args[name] ?? (fallback === undefined ? globals.get(name) : unquoted(fallback));
      if (value !== undefined) (current?.variables ?? globals).set(name, value);
    } else if (keyword === 'ENV') {
      for (const [name, value] of assignments(rest)) current?.variables.set(name, value);
      if ((current?.variables.size ?? 0) > maxVariables) return undefined;
    } else if (keyword === 'EXPOSE' && current) {
      current.port = firstTcpPort(rest, current.variables) ?? current.port;
    }
  }
  return (target === undefined ? current : stages.get(target.toLowerCase()))?.port;
}

interface Instruction {
  readonly keyword: string;
  readonly rest: string;
}

/** Source of the syntax: docs.docker.com/reference/dockerfile. */
function* instructions(dockerfile: string): Generator<Instruction> {
  const escape = /^\s*#\s*escape\s*=\s*`\s*$/im.test(dockerfile.split('\n', 3).join('\n')) ? '`' : '\\';
  let heredocs: string[] = [];
  let pending = '';
  for (const line of dockerfile.split(/\r?\n/)) {
    if (heredocs.length > 0) {
      if (line.trim() === heredocs[0]) heredocs.shift();
      continue;
    }
    if (/^\s*(?:#|$)/.test(line)) continue;
    const trimmed = line.trimEnd();
    if (trimmed.endsWith(escape)) {
      pending += `${trimmed.slice(0, -1)} `;
      continue;
    }
    const [, keyword = '', rest = ''] = /^\s*([A-Za-z]+)\s*(.*)$/.exec(pending + trimmed) ?? [];
    pending = '';
    const name = keyword.toUpperCase();
    if (name === 'RUN' || name === 'COPY' || name === 'ADD') {
      heredocs = [...rest.matchAll(/<<-?\s*(["']?)([A-Za-z_]\w*)\1/g)].map((match) => match[2] ?? '');
    }
    yield { keyword: name, rest };
  }
}

function firstTcpPort(rest: string, variables: ReadonlyMap<string, string>): number | undefined {
  for (const word of rest.split(/\s+/)) {
    const [, port, protocol = 'tcp'] = /^["']?(\d{1,5})(?:-\d+)?(?:\/(\w+))?["']?$/.exec(expand(word, variables)) ?? [];
    const value = Number(port);
    if (protocol.toLowerCase() === 'tcp' && value >= 1 && value <= 65_535) return value;
  }
  return undefined;
}

/** `$NAME`, `${NAME}` and `${NAME:-default}`. */
function expand(word: string, variables: ReadonlyMap<string, string>): string {
  return word.replace(
    /\$(?:(\w+)|\{(\w+)(?::-([^}$]*))?\})/g,
    (_, bare: string | undefined, name: string, or?: string) => {
      return variables.get(bare ?? name) ?? or ?? '';
    },
  );
}

/** `A=1 B="2"`, and the old form `A 1`. */
function assignments(rest: string): readonly (readonly [string, string])[] {
  const old = /^([A-Za-z_]\w*)\s+([^=].*)$/.exec(rest);
  if (old?.[1] && old[2]) return [[old[1], old[2]]];
  return [...rest.matchAll(/(?<!\w)([A-Za-z_]\w*)=("[^"]*"|'[^']*'|\S*)/g)].map(
    ([, name = '', value = '']) => [name, unquoted(value)] as const,
  );
}

function unquoted(value: string): string {
  return value.trim().replace(/^(["'])(.*)\1$/, '$2');
}
