import type { Deployment, DeploymentStatus, Repository } from '../world/entities.ts';
import type { Stage } from './stage.ts';

export interface DeploymentInput {
  readonly ref: string;
  readonly task?: string;
  readonly auto_merge?: boolean;
  readonly required_contexts?: readonly string[];
  readonly payload?: unknown;
  readonly environment?: string;
  readonly description?: string | null;
  readonly transient_environment?: boolean;
  readonly production_environment?: boolean;
}

export interface DeploymentStatusInput {
  readonly state: string;
  readonly description?: string;
  readonly environment?: string;
  readonly environment_url?: string;
  readonly log_url?: string;
  readonly target_url?: string;
  readonly auto_inactive?: boolean;
}

export function createDeployment(
  { world }: Stage,
  repository: Repository,
  sha: string,
  input: DeploymentInput,
): Deployment {
  const environment = input.environment ?? 'production';
  const at = world.now();
  if (!repository.environments.has(environment))
    repository.environments.set(environment, { id: world.nextId(), createdAt: at });
  const deployment: Deployment = {
    id: world.nextId(),
    sha,
    ref: input.ref,
    task: input.task ?? 'deploy',
    payload: input.payload ?? {},
    environment,
    description: input.description ?? null,
    transient: input.transient_environment ?? false,
    production: input.production_environment ?? environment === 'production',
    creator: world.bot,
    createdAt: at,
    updatedAt: at,
    statuses: [],
  };
  repository.deployments.set(deployment.id, deployment);
  world.changed();
  return deployment;
}

/**
 * Adds a status. A success makes earlier successful deployments of the same environment inactive, but neither transient
 * nor production ones. Source: docs.github.com/rest/deployments/statuses, `auto_inactive`.
 */
export function addDeploymentStatus(
  { world }: Stage,
  repository: Repository,
  deployment: Deployment,
  input: DeploymentStatusInput,
): DeploymentStatus {
  const status = push(world, deployment, input);
  if (input.state === 'success' && input.auto_inactive !== false) {
    for (const earlier of repository.deployments.values()) {
      const affected = earlier.id < deployment.id && earlier.environment === status.environment;
      if (!affected || earlier.transient || earlier.production || earlier.statuses.at(-1)?.state === 'inactive')
        continue;
      push(world, earlier, { state: 'inactive' });
    }
  }
  world.changed();
  return status;
}

function push(world: Stage['world'], deployment: Deployment, input: DeploymentStatusInput): DeploymentStatus {
  const last = deployment.statuses.at(-1);
  const status: DeploymentStatus = {
    id: world.nextId(),
    state: input.state,
    description: input.description ?? '',
    environment: input.environment ?? deployment.environment,
    environmentUrl: input.environment_url ?? last?.environmentUrl ?? '',
    logUrl: input.log_url ?? input.target_url ?? '',
    creator: world.bot,
    createdAt: world.now(),
  };
  deployment.statuses.push(status);
  deployment.updatedAt = status.createdAt;
  return status;
}
