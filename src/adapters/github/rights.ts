/** What a person may do in a repository, and where its branches are. */
import { z } from 'zod';
import { RefusedError } from './refused-error.ts';
import type { RepositoryAccess } from './repository-access.ts';

/**
 * The four old levels: `maintain` says `write` here and `triage` says `read`, and a role of an organisation's own says
 * which of them it is built upon. Source: docs.github.com/rest/collaborators/collaborators
 */
const permissionAnswer = z.object({ permission: z.enum(['admin', 'write', 'read', 'none']) });
const refAnswer = z.object({ ref: z.string(), object: z.object({ sha: z.string(), type: z.string() }) });

/** Letters, digits and hyphens; managed accounts also have an underscore. Accounts of Apps have brackets and are nobody. */
const login = /^[A-Za-z0-9][\w-]{0,99}$/;

/** Whoever GitHub does not know as an account may nothing; any other refusal is thrown. */
export async function mayWrite(access: RepositoryAccess, person: string): Promise<boolean> {
  if (!login.test(person)) return false;
  const permission = await unlessUnknown(
    access.get(
      '/collaborators/{username}/permission',
      { username: person },
      permissionAnswer,
      (answer) => answer.permission,
    ),
  );
  return permission === 'admin' || permission === 'write';
}

/** The name is sent as one path segment, whatever characters are in it. */
export async function branchRevision(access: RepositoryAccess, branch: string): Promise<string | undefined> {
  const found = await unlessUnknown(
    access.get('/git/ref/{ref}', { ref: `heads/${branch}` }, refAnswer, ({ ref, object }) => ({ ref, ...object })),
  );
  return found?.ref === `refs/heads/${branch}` && found.type === 'commit' ? found.sha : undefined;
}

async function unlessUnknown<T>(asked: Promise<{ readonly value: T }>): Promise<T | undefined> {
  try {
    return (await asked).value;
  } catch (error) {
    if (error instanceof RefusedError && error.status === 404) return undefined;
    throw error;
  }
}
