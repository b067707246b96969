/** Credentials in a file that only its owner can read: chart values, or a Secret for those who keep theirs in git, sealed. */
import { constants } from 'node:fs';
import { access, link, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { appSecret, type SecretName } from '../adapters/kubernetes/app-secret.ts';
import type { Credentials, Destination, Occupant } from './destination.ts';

export type FileFormat = 'values' | 'secret';

/** What shells take as it is. */
const isPlain = /^[\w./-]+$/;

/** The first line of our files; nothing else is ever overwritten. */
const mark = '# Written by `berth setup`';

export function fileDestination(path: string, format: FileFormat, secret: SecretName): Destination {
  const file = resolve(path);
  let found: Occupant = { state: 'absent' };
  return {
    label: `the file ${path}`,
    async look() {
      found = await occupantOf(file);
      return found;
    },
    async tryOut() {
      await access(dirname(file), constants.W_OK | constants.X_OK).catch((cause: unknown) => {
        throw new Error(`the directory ${dirname(path)} cannot be written to`, { cause });
      });
    },
    async write(credentials) {
      const now = await occupantOf(file);
      if (now.state !== found.state) throw new Error(`the file ${path} has changed in the meantime`);
      await writePrivately(file, content(credentials, format, secret), found.state === 'ours');
    },
    helmArguments: (apiUrl) =>
      format === 'values'
        ? [`--values ${isPlain.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`}`]
        : [
            `--set github.existingSecret=${secret.name}`,
            ...(apiUrl === 'https://api.github.com' ? [] : [`--set github.apiUrl=${apiUrl}`]),
          ],
    close: async () => undefined,
  };
}

/** The file's text: its first line says whose it is, and for which App. */
function content(credentials: Credentials, format: FileFormat, secret: SecretName): string {
  const { appId, privateKey, webhookSecret, apiUrl } = credentials;
  const object =
    format === 'values' ? { github: { appId, apiUrl, privateKey, webhookSecret } } : appSecret(secret, credentials);
  return `${mark} for ${credentials.htmlUrl}\n# Secret: keep it out of version control.\n${stringify(object)}`;
}

async function occupantOf(file: string): Promise<Occupant> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return { state: 'absent' };
  const [firstLine = ''] = text.split('\n', 1);
  if (!firstLine.startsWith(mark)) return { state: 'foreign' };
  return { state: 'ours', app: /^ for (\S+)$/.exec(firstLine.slice(mark.length))?.[1] };
}

/** Never for a moment can others read it, and never is half of it there: written beside it, then put in its place. */
async function writePrivately(file: string, text: string, mayReplace: boolean): Promise<void> {
  const beside = join(dirname(file), `.${basename(file)}.${process.pid}`);
  try {
    await using handle = await open(beside, 'wx', 0o600);
    await handle.writeFile(text);
    await handle.sync();
    // A link is refused where a file is by now.
    await (mayReplace ? rename : link)(beside, file);
  } finally {
    await rm(beside, { force: true });
  }
}
