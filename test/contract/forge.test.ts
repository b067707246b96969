import { keyId } from '../../src/domain/preview.ts';
import { fakeForge } from '../fakes/forge.ts';
import { startGithub } from '../adapters/github/github.ts';
import { startReceiver } from '../simulator/receiver.ts';
import { describeForgeContract } from './forge.contract.ts';

const dayMs = 24 * 60 * 60_000;

describeForgeContract('fake forge', async () => {
  const clock = { now: () => Date.now() + elapsedMs };
  let elapsedMs = 0;
  const forge = fakeForge(clock);
  const { people } = forge;
  let arrived = 0;
  const repositories = new Map<number, string>();
  let pushes = 0;
  return {
    forge,
    stage: {
      addRepository(owner, name) {
        const repository = people.addRepository(owner, name);
        repositories.set(repository.id, owner);
        return repository;
      },
      rename: (id, name) => people.renameRepository(id, name),
      removeApp(owner) {
        for (const [id, itsOwner] of repositories) if (itsOwner === owner) people.removeRepository(id);
      },
      openPullRequest(id, { title, labels, files } = {}) {
        const { key } = people.openPullRequest(id, {
          ...(title !== undefined && { title }),
          ...(labels && { labels }),
        });
        people.changeFiles(key, files ?? []);
        return key;
      },
      push(key) {
        pushes += 1;
        people.change(key, {
          head: { revision: pushes.toString(16).padStart(40, '0'), branch: 'change', repositoryId: key.repositoryId },
        });
      },
      close: (key) => people.change(key, { state: 'closed' }),
      closeLongAgo(key) {
        elapsedMs = -8 * dayMs;
        people.change(key, { state: 'closed' });
        elapsedMs = 0;
      },
      suspend: (owner) => people.suspend(owner),
      unsuspend: (owner) => people.unsuspend(owner),
      loseDelivery: async () => forge.loseDelivery(() => (arrived += 1)),
      arrivedLate: async () => arrived,
      deleteComment: (key) => people.deleteComment(key),
      setRole: (id, login, role) => people.setRole(id, login, role),
      failRights: () => forge.failRights(new Error('no answer')),
      pushBranch(id, branch) {
        pushes += 1;
        const revision = pushes.toString(16).padStart(40, '0');
        people.pushBranch(id, branch, revision);
        return revision;
      },
      deleteBranch: (id, branch) => people.deleteBranch(id, branch),
      comment: (key, author, body) => people.comment(key, author, body),
      editComment: (key, comment, body) => people.editComment(key, String(comment), body),
      comments: (key) => [forge.comment(key)].filter((text) => text !== undefined),
      deployments: (key) =>
        forge.deployments(key).map(({ revision, state, statuses }) => ({
          revision,
          state,
          description: statuses.at(-1)?.description ?? '',
          environmentUrl: statuses.at(-1)?.environmentUrl,
        })),
      get writes() {
        return forge.writes;
      },
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
});

describeForgeContract('GitHub', async () => {
  const [github, receiver] = await Promise.all([startGithub(), startReceiver()]);
  const { simulator } = github;
  simulator.setWebhookUrl(receiver.url);
  return {
    forge: github.forge(),
    stage: {
      addRepository: (owner, name) => simulator.createRepository({ owner, name }),
      rename: (id, name) => simulator.rename(id, name),
      removeApp: (owner) => simulator.uninstall(owner),
      openPullRequest(id, { title, labels, files } = {}) {
        const { number } = simulator.openPullRequest({
          repo: id,
          ...(title !== undefined && { title }),
          ...(labels && { labels }),
          ...(files && { changes: Object.fromEntries(files.map((path) => [path, 'changed\n'])) }),
        });
        return { repositoryId: id, number };
      },
      push: (key) => void simulator.push(key.repositoryId, key.number, { 'pushed.txt': `${Math.random()}` }),
      close: (key) => simulator.closePullRequest(key.repositoryId, key.number),
      closeLongAgo(key) {
        simulator.setClockOffset(-8 * dayMs);
        simulator.closePullRequest(key.repositoryId, key.number);
        simulator.setClockOffset(0);
      },
      suspend: (owner) => simulator.suspendInstallation(owner),
      unsuspend: (owner) => simulator.unsuspendInstallation(owner),
      async loseDelivery() {
        simulator.deliveries.lose({ event: 'ping' }, 1);
        simulator.ping();
        await simulator.deliveries.settled();
      },
      async arrivedLate() {
        await simulator.deliveries.settled();
        return receiver.received.filter(({ headers }) => headers['x-github-event'] === 'ping').length;
      },
      deleteComment(key) {
        for (const { id } of simulator.comments(key.repositoryId, key.number))
          simulator.deleteComment(key.repositoryId, id);
      },
      setRole: (id, login, role) => simulator.setPermission(id, login, role),
      failRights: () =>
        void simulator.faults.add({ match: { path: 'repos/get-collaborator-permission-level' }, status: 500 }),
      pushBranch: (id, branch) => simulator.pushBranch(id, branch, { 'pushed.txt': `${Math.random()}` }),
      deleteBranch: (id, branch) => simulator.deleteBranch(id, branch),
      comment: (key, author, body) => simulator.comment(key.repositoryId, key.number, author, body),
      editComment(key, comment, body) {
        // GitHub tells times to the second.
        simulator.setClockOffset(2_000);
        simulator.editComment(key.repositoryId, Number(comment), body);
        simulator.setClockOffset(0);
      },
      comments: (key) =>
        simulator
          .comments(key.repositoryId, key.number)
          .map(({ body }) => body.replace(`<!-- berth:preview ${keyId(key)} -->\n`, '')),
      deployments: (key) =>
        simulator.deployments(key.repositoryId, key.number).map(({ sha, statuses }) => ({
          revision: sha,
          state: statuses.at(-1)?.state ?? 'none',
          description: statuses.findLast(({ description }) => description !== '')?.description ?? '',
          environmentUrl: statuses.at(-1)?.environmentUrl || undefined,
        })),
      get writes() {
        return github.writes();
      },
    },
    async [Symbol.asyncDispose]() {
      await github[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
});
