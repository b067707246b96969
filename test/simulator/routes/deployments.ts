import {
  addDeploymentStatus,
  createDeployment,
  type DeploymentInput,
  type DeploymentStatusInput,
} from '../operations/deployments.ts';
import { deploymentResource, deploymentStatusResource, environmentResource } from '../resources/deployment.ts';
import type { Deployment } from '../world/entities.ts';
import { created, notFound, ok, Refusal } from '../http/answer.ts';
import { page } from '../http/page.ts';
import { type Call, repositoryOf, type Route } from '../http/route.ts';
import { resolveRef } from './commits.ts';
import { newestStatuses } from './statuses.ts';

const read = [{ deployments: 'read' }] as const;
const write = [{ deployments: 'write' }] as const;

export const deploymentRoutes: readonly Route[] = [
  { operation: 'repos/create-deployment', caller: 'installation', needs: write, handle: create },
  {
    operation: 'repos/list-deployments',
    caller: 'installation',
    needs: read,
    handle: (call) => page(call, listed(call), (each) => deploymentResource(call.world, repositoryOf(call), each)),
  },
  {
    operation: 'repos/get-deployment',
    caller: 'installation',
    needs: read,
    handle: (call) => ok(deploymentResource(call.world, repositoryOf(call), deploymentOf(call))),
  },
  {
    operation: 'repos/create-deployment-status',
    caller: 'installation',
    needs: write,
    handle: (call) => {
      const deployment = deploymentOf(call);
      const status = addDeploymentStatus(call, repositoryOf(call), deployment, call.body as DeploymentStatusInput);
      return created(deploymentStatusResource(call.world, repositoryOf(call), deployment, status));
    },
  },
  {
    operation: 'repos/list-deployment-statuses',
    caller: 'installation',
    needs: read,
    handle: (call) => {
      const deployment = deploymentOf(call);
      return page(call, deployment.statuses.toReversed(), (status) =>
        deploymentStatusResource(call.world, repositoryOf(call), deployment, status),
      );
    },
  },
  {
    operation: 'repos/get-all-environments',
    caller: 'installation',
    needs: [{ actions: 'read' }],
    handle: (call) =>
      page(
        call,
        [...repositoryOf(call).environments.keys()],
        (name) => environmentResource(call.world, repositoryOf(call), name),
        (environments, total) => ({ total_count: total, environments }),
      ),
  },
  {
    operation: 'repos/get-environment',
    caller: 'installation',
    needs: [{ actions: 'read' }],
    handle: (call) => {
      const name = String(call.params['environment_name']);
      if (!repositoryOf(call).environments.has(name)) throw notFound();
      return ok(environmentResource(call.world, repositoryOf(call), name));
    },
  },
];

function create(call: Call) {
  const repository = repositoryOf(call);
  const input = call.body as DeploymentInput;
  const sha = resolveRef(repository, input.ref);
  if (sha === undefined) throw new Refusal(422, `No ref found for: ${input.ref}`, []);
  const base = repository.refs.get(`refs/heads/${repository.defaultBranch}`);
  // A client that says nothing asks GitHub to merge the default branch in, and to wait for green checks.
  if (input.auto_merge !== false && base !== undefined && !repository.history.isAncestor(base, sha)) {
    throw new Refusal(409, `Conflict merging ${repository.defaultBranch} into ${input.ref}.`);
  }
  if (!contextsPass(call, sha, input.required_contexts)) {
    throw new Refusal(409, `Conflict: Commit status checks failed for ${input.ref}.`);
  }
  return created(deploymentResource(call.world, repository, createDeployment(call, repository, sha, input)));
}

function contextsPass(call: Call, sha: string, required: readonly string[] | undefined): boolean {
  const repository = repositoryOf(call);
  const states = new Map(newestStatuses(repository, sha).map(({ context, state }) => [context, state === 'success']));
  for (const run of repository.checkRuns.values()) {
    if (run.sha === sha) states.set(run.name, ['success', 'neutral', 'skipped'].includes(run.conclusion ?? ''));
  }
  return (required ?? [...states.keys()]).every((context) => states.get(context) === true);
}

/** Newest first. The filter `none` is GitHub's word for deployments without that property. */
function listed(call: Call): readonly Deployment[] {
  const { sha = 'none', ref = 'none', task = 'none', environment = 'none' } = call.query;
  const repository = repositoryOf(call);
  return [...repository.deployments.values()]
    .filter((each) => sha === 'none' || each.sha === sha)
    .filter((each) => ref === 'none' || each.ref === ref || resolveRef(repository, String(ref)) === each.sha)
    .filter((each) => task === 'none' || each.task === task)
    .filter((each) => environment === 'none' || each.environment === environment)
    .toReversed();
}

function deploymentOf(call: Call): Deployment {
  const deployment = repositoryOf(call).deployments.get(Number(call.params['deployment_id']));
  if (!deployment) throw notFound();
  return deployment;
}
