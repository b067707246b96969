import { collaboratorPermissionResource } from '../resources/account.ts';
import { fullRepositoryResource } from '../resources/repository.ts';
import { notFound, ok } from '../http/answer.ts';
import { repositoryOf, type Route } from '../http/route.ts';
import { readContents } from './contents.ts';

export const repositoryRoutes: readonly Route[] = [
  {
    operation: 'repos/get',
    caller: 'installation',
    handle: (call) => ok(fullRepositoryResource(call.world, repositoryOf(call))),
  },
  {
    operation: 'repos/get-collaborator-permission-level',
    caller: 'installation',
    handle: ({ world, params, repository }) => {
      const user = world.findUser(String(params['username']));
      if (!user || !repository) throw notFound();
      return ok(collaboratorPermissionResource(world, user, world.role(repository, user)));
    },
  },
  { operation: 'repos/get-content', caller: 'installation', needs: [{ contents: 'read' }], handle: readContents },
];
