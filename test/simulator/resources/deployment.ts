import type { Deployment, DeploymentStatus, Repository } from '../world/entities.ts';
import { fullName, type World } from '../world/world.ts';
import { appResource, userResource } from './account.ts';
import { nodeId, timestamp } from './identity.ts';

export function deploymentResource(world: World, repository: Repository, deployment: Deployment) {
  const url = world.api(`/repos/${fullName(repository)}/deployments/${deployment.id}`);
  return {
    url,
    id: deployment.id,
    node_id: nodeId('DE', deployment.id),
    task: deployment.task,
    original_environment: deployment.environment,
    environment: deployment.environment,
    description: deployment.description,
    created_at: timestamp(deployment.createdAt),
    updated_at: timestamp(deployment.updatedAt),
    statuses_url: `${url}/statuses`,
    repository_url: world.api(`/repos/${fullName(repository)}`),
    creator: userResource(world, deployment.creator),
    sha: deployment.sha,
    ref: deployment.ref,
    payload: deployment.payload,
    transient_environment: deployment.transient,
    production_environment: deployment.production,
    performed_via_github_app: appResource(world, world.app),
  };
}

export function deploymentStatusResource(
  world: World,
  repository: Repository,
  deployment: Deployment,
  status: DeploymentStatus,
) {
  const deploymentUrl = world.api(`/repos/${fullName(repository)}/deployments/${deployment.id}`);
  return {
    url: `${deploymentUrl}/statuses/${status.id}`,
    id: status.id,
    node_id: nodeId('DES', status.id),
    state: status.state,
    creator: userResource(world, status.creator),
    description: status.description,
    environment: status.environment,
    target_url: status.logUrl,
    created_at: timestamp(status.createdAt),
    updated_at: timestamp(status.createdAt),
    deployment_url: deploymentUrl,
    repository_url: world.api(`/repos/${fullName(repository)}`),
    environment_url: status.environmentUrl,
    log_url: status.logUrl,
    performed_via_github_app: appResource(world, world.app),
  };
}

export function environmentResource(world: World, repository: Repository, name: string) {
  const environment = repository.environments.get(name);
  const at = timestamp(environment?.createdAt ?? repository.createdAt);
  const id = environment?.id ?? 0;
  return {
    id,
    node_id: nodeId('EN', id),
    name,
    url: world.api(`/repos/${fullName(repository)}/environments/${encodeURIComponent(name)}`),
    html_url: world.html(
      `/${fullName(repository)}/deployments/activity_log?environments_filter=${encodeURIComponent(name)}`,
    ),
    created_at: at,
    updated_at: at,
    protection_rules: [],
    deployment_branch_policy: null,
  };
}
