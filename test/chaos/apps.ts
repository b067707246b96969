/** The tiny applications that people push in a schedule. Every push has all files of all kinds, so that one replaces the other. */
import { badManifest, brokenBuild, crashing, slowRelease } from '../e2e/repositories.ts';

/** What becomes of a revision: it serves, or fails in one of the ways that authors know. */
export const kinds = [
  'page',
  'slow page',
  'chart with a hook',
  'page on request',
  'bad manifest',
  'broken build',
  'crashing',
] as const;
type Kind = (typeof kinds)[number];

/** What somebody pushes; `word` is what its page shows, and nobody else's. */
export interface App {
  readonly kind: Kind;
  readonly word: string;
}

/** The label that a page on request asks for. */
export const wantedLabel = 'wanted';

/** What the comment says about a revision that fails; `undefined` for one that serves. */
const complaints: Readonly<Record<Kind, RegExp | undefined>> = {
  page: undefined,
  'slow page': undefined,
  'chart with a hook': undefined,
  'page on request': undefined,
  'bad manifest': /\.berth\.yaml:2:10/,
  'broken build': /exit code:? 7|exited with 7|\b7\b/,
  crashing: /DATABASE_URL is not set/,
};

/** The same for what a stranger has pushed: only its code counts, and not what it says of itself. */
export function complaintsAbout({ kind }: App, isFork: boolean): RegExp | undefined {
  return isFork && kind === 'bad manifest' ? undefined : complaints[kind];
}

type Files = Readonly<Record<string, string>>;

const base = 'FROM localhost:5000/library/busybox:stable';
const serve = `COPY index.html /srv/
EXPOSE 8080
USER 65534:65534
CMD ["sh", "-c", "trap 'exit 0' TERM; httpd -f -p 8080 -h /srv & wait $!"]
`;

/** Nothing runs while it is built: it is there in a moment. */
const quickDockerfile = `${base}\n${serve}`;

/** The files of an app; `null` removes one that another app may have left. */
export function filesOf({ kind, word }: App): Readonly<Record<string, string | null>> {
  const files = { ...filesOfKind(kind), 'index.html': `<p>this is ${word}</p>\n` };
  const removed = Object.fromEntries(paths.filter((path) => !(path in files)).map((path) => [path, null]));
  return { ...files, ...removed };
}

function filesOfKind(kind: Kind): Files {
  switch (kind) {
    case 'page':
      return { Dockerfile: quickDockerfile };
    case 'slow page':
      return { Dockerfile: `${base}\nRUN sleep 3\n${serve}` };
    case 'chart with a hook':
      return { ...slowRelease(2), Dockerfile: quickDockerfile };
    case 'page on request':
      return { Dockerfile: quickDockerfile, '.berth.yaml': `when:\n  label: ${wantedLabel}\n` };
    case 'bad manifest':
      return { Dockerfile: quickDockerfile, '.berth.yaml': badManifest['.berth.yaml'] ?? '' };
    case 'broken build':
      return brokenBuild;
    case 'crashing':
      return crashing;
  }
}

const paths = [...new Set(kinds.flatMap((kind) => Object.keys(filesOfKind(kind))))];
