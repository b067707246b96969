import { commitResource } from '../resources/commit.ts';
import type { Repository } from '../world/entities.ts';
import { ok, Refusal } from '../http/answer.ts';
import { type Call, repositoryOf, type Route } from '../http/route.ts';

export const commitRoutes: readonly Route[] = [
  {
    operation: 'repos/get-commit',
    caller: 'installation',
    needs: [{ contents: 'read' }],
    handle: (call) => {
      const commit = commitOf(call, String(call.params['ref']));
      if (/\bsha\b/.test(call.accept))
        return { status: 200, text: { type: 'application/vnd.github.sha', content: commit.sha } };
      return ok(commitResource(call.world, repositoryOf(call), commit));
    },
  },
];

/** A SHA (also shortened), a branch, or a ref such as `heads/main` or `pull/1/head`, as a SHA. */
export function resolveRef(repository: Repository, ref: string): string | undefined {
  const { history, refs } = repository;
  const named =
    refs.get(`refs/heads/${ref}`) ?? refs.get(`refs/tags/${ref}`) ?? refs.get(`refs/${ref}`) ?? refs.get(ref);
  if (named !== undefined) return named;
  if (history.commits.has(ref)) return ref;
  if (!/^[0-9a-f]{7,39}$/.test(ref)) return undefined;
  return [...history.commits.keys()].find((sha) => sha.startsWith(ref));
}

/** The commit a request names; GitHub answers 422 for something that is no commit. */
export function commitOf(call: Call, ref: string) {
  const repository = repositoryOf(call);
  const sha = resolveRef(repository, ref);
  if (sha === undefined) throw new Refusal(422, `No commit found for SHA: ${ref}`, []);
  return repository.history.get(sha);
}
