import type { CommitStatus, Repository, User } from '../world/entities.ts';
import type { Stage } from './stage.ts';

/** What a status says; only who wrote it cannot be chosen. */
export type StatusText = Pick<CommitStatus, 'state' | 'context' | 'description' | 'targetUrl'>;

export function addStatus(
  { world }: Pick<Stage, 'world'>,
  repository: Repository,
  sha: string,
  creator: User,
  text: StatusText,
): CommitStatus {
  const status: CommitStatus = { id: world.nextId(), sha, ...text, creator, createdAt: world.now() };
  repository.statuses.push(status);
  world.changed();
  return status;
}
