import type { Repository } from '../world/entities.ts';
import { fullName, type World } from '../world/world.ts';
import { nodeId } from './identity.ts';

/** A label of the repository, which comes into being when it is first used. */
export function labelResource(world: World, repository: Repository, name: string) {
  let label = repository.labels.get(name);
  if (!label) repository.labels.set(name, (label = { id: world.nextId(), name }));
  return {
    id: label.id,
    node_id: nodeId('LA', label.id),
    url: world.api(`/repos/${fullName(repository)}/labels/${encodeURIComponent(name)}`),
    name,
    description: null,
    color: 'ededed',
    default: false,
  };
}
