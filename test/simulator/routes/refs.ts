import { nodeId } from '../resources/identity.ts';
import { fullName } from '../world/world.ts';
import { notFound, ok } from '../http/answer.ts';
import { repositoryOf, type Route } from '../http/route.ts';

export const refRoutes: readonly Route[] = [
  {
    operation: 'git/get-ref',
    caller: 'installation',
    needs: [{ contents: 'read' }],
    handle: (call) => {
      const repository = repositoryOf(call);
      const ref = `refs/${String(call.params['ref'])}`;
      const sha = repository.refs.get(ref);
      if (sha === undefined) throw notFound();
      const path = ref.slice('refs/'.length).split('/').map(encodeURIComponent).join('/');
      const url = call.world.api(`/repos/${fullName(repository)}/git`);
      return ok({
        ref,
        node_id: nodeId('REF', Number.parseInt(sha.slice(0, 8), 16)),
        url: `${url}/refs/${path}`,
        object: { type: 'commit', sha, url: `${url}/commits/${sha}` },
      });
    },
  },
];
