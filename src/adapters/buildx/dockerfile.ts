/** As much of a Dockerfile as is needed to say what is wrong with a build. */

export interface Instruction {
  /** Upper case. */
  readonly keyword: string;
  /** What follows the keyword, continued lines joined by one space. */
  readonly rest: string;
  /** 1-based. */
  readonly line: number;
}

/**
 * The instructions of a Dockerfile. Here-documents are read as if their lines were instructions of their own, which is
 * good enough to find the others.
 * @param escape what continues a line: a backslash, unless the Dockerfile says otherwise.
 */
export function instructionsOf(dockerfile: string, escape: '\\' | '`' = '\\'): readonly Instruction[] {
  const instructions: Instruction[] = [];
  let pending: { line: number; parts: string[] } | undefined;
  for (const [index, raw] of dockerfile.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    pending ??= { line: index + 1, parts: [] };
    const continued = line.endsWith(escape);
    pending.parts.push(continued ? line.slice(0, -1).trim() : line);
    if (continued) continue;
    instructions.push(instruction(pending));
    pending = undefined;
  }
  if (pending) instructions.push(instruction(pending));
  return instructions;
}

/**
 * Whether there is a FROM, whatever the Dockerfile continues its lines with. Dockerfiles that have none, only `ARG`,
 * end the whole daemon with a panic (seen in moby 26.1.5): never let one through.
 */
export function hasFrom(dockerfile: string): boolean {
  return (['\\', '`'] as const).every((escape) =>
    instructionsOf(dockerfile, escape).some(({ keyword }) => keyword === 'FROM'),
  );
}

/** Names of the build stages in lower case, as BuildKit compares them; those without a name by their number. */
export function stagesOf(instructions: readonly Instruction[]): readonly string[] {
  return instructions
    .filter(({ keyword }) => keyword === 'FROM')
    .flatMap(({ rest }, index) => [String(index), / as (\S+)$/i.exec(rest)?.[1]?.toLowerCase() ?? String(index)]);
}

/**
 * The image that a Dockerfile wants BuildKit to run as its frontend, `undefined` for none. Looks further than BuildKit
 * does, which stops at the first line that is no directive.
 * Source: github.com/moby/buildkit/blob/master/frontend/dockerfile/parser/directives.go
 */
export function frontendOf(dockerfile: string): string | undefined {
  if (/^\W*\{/.test(dockerfile)) return /"syntax"\s*:\s*"([^"]*)"/i.exec(dockerfile)?.[1];
  for (const line of dockerfile.split(/\r?\n/)) {
    const [, comment] = /^\W*?(?:#|\/\/)(.*)$/.exec(line) ?? [];
    if (comment === undefined && line.trim() !== '') return undefined;
    const [, image] = /^\s*syntax\s*=\s*(\S+)/i.exec(comment ?? '') ?? [];
    if (image !== undefined) return image;
  }
  return undefined;
}

/** Whether a frontend is Docker's own. */
export function isDockersFrontend(image: string): boolean {
  return /^(docker\.io\/)?docker\/dockerfile(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/.test(image);
}

function instruction({ line, parts }: { readonly line: number; readonly parts: readonly string[] }): Instruction {
  const [keyword = '', ...rest] = parts.join(' ').split(/\s+/);
  return { keyword: keyword.toUpperCase(), rest: rest.join(' '), line };
}
