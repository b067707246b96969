import { type CheckRunInput, createCheckRun, updateCheckRun } from '../operations/checks.ts';
import { annotationResource, checkRunResource } from '../resources/check-run.ts';
import type { CheckRun } from '../world/entities.ts';
import { created, notFound, ok, Refusal } from '../http/answer.ts';
import { page } from '../http/page.ts';
import { type Call, repositoryOf, type Route } from '../http/route.ts';
import { commitOf } from './commits.ts';

const read = [{ checks: 'read' }] as const;
const write = [{ checks: 'write' }] as const;

export const checkRoutes: readonly Route[] = [
  {
    operation: 'checks/create',
    caller: 'installation',
    needs: write,
    handle: (call) => {
      const input = call.body as CheckRunInput & { readonly name: string; readonly head_sha: string };
      const { sha } = commitOf(call, input.head_sha);
      checkLengths(input);
      const run = createCheckRun(call, repositoryOf(call), sha, input.name, input);
      return created(checkRunResource(call.world, repositoryOf(call), run));
    },
  },
  {
    operation: 'checks/update',
    caller: 'installation',
    needs: write,
    handle: (call) => {
      const run = runOf(call);
      const input = call.body as CheckRunInput;
      checkLengths(input);
      updateCheckRun(call, repositoryOf(call), run, input);
      return ok(checkRunResource(call.world, repositoryOf(call), run));
    },
  },
  {
    operation: 'checks/get',
    caller: 'installation',
    needs: read,
    handle: (call) => ok(checkRunResource(call.world, repositoryOf(call), runOf(call))),
  },
  {
    operation: 'checks/list-annotations',
    caller: 'installation',
    needs: read,
    handle: (call) => {
      const run = runOf(call);
      return page(call, run.annotations, (each) => annotationResource(call.world, repositoryOf(call), run, each));
    },
  },
  {
    operation: 'checks/list-for-ref',
    caller: 'installation',
    needs: read,
    handle: (call) =>
      page(
        call,
        listed(call),
        (run) => checkRunResource(call.world, repositoryOf(call), run),
        (runs, total) => ({ total_count: total, check_runs: runs }),
      ),
  },
];

/** Newest first; `filter=latest`, the default, leaves out runs that a newer one of the same name replaced. */
function listed(call: Call): readonly CheckRun[] {
  const { check_name: name, status, filter = 'latest', app_id: appId } = call.query;
  const { sha } = commitOf(call, String(call.params['ref']));
  const found = [...repositoryOf(call).checkRuns.values()]
    .filter((run) => run.sha === sha)
    .filter((run) => name === undefined || run.name === name)
    .filter((run) => status === undefined || run.status === status)
    .filter(() => appId === undefined || Number(appId) === call.world.app.id)
    .toReversed();
  if (filter === 'all') return found;
  return found.filter((run, at) => found.findIndex((each) => each.name === run.name) === at);
}

/** Limits that GitHub enforces and describes, but for the description of an action only in words. */
function checkLengths(input: CheckRunInput): void {
  for (const action of input.actions ?? []) {
    if (action.description.length > 40)
      throw new Refusal(422, 'Invalid request.\n\nThe description of an action is too long.', []);
  }
}

function runOf(call: Call): CheckRun {
  const run = repositoryOf(call).checkRuns.get(Number(call.params['check_run_id']));
  if (!run) throw notFound();
  return run;
}
