/** What people do on GitHub. */
import { filesOf } from './apps.ts';
import type { PeopleEvent } from './events.ts';
import { baseOfForks, owner, type Pull, type World } from './world.ts';

/** Does it, as far as GitHub lets people do it in the state that things are in. @returns what came of it. */
export function actAsPeople(world: World, event: PeopleEvent): string | undefined {
  const { github } = world;
  switch (event.do) {
    case 'open': {
      const repository = world.repositories[event.repository];
      if (!repository) return 'there is no such repository';
      const { number, headSha } = github.openPullRequest({
        repo: repository.id,
        changes: filesOf(event.app),
        branch: `branch-${event.pull}`,
        ...(event.fork && { fromFork: 'stranger', base: baseOfForks }),
      });
      world.apps.set(headSha, event.app);
      const opened = {
        repositoryId: repository.id,
        number,
        isFork: event.fork,
        revisions: [headSha],
        approved: new Set<string>(),
      };
      world.pulls[event.pull] = { ...opened, isUninstalled: false };
      return `it is ${nameOf(world, opened)} at ${headSha.slice(0, 7)}`;
    }
    case 'rename': {
      const repository = world.repositories[event.repository];
      if (!repository) return 'there is no such repository';
      const name = world.nameHere(event.name);
      github.rename(repository.id, name);
      repository.names.push(name);
      return `it is ${name}`;
    }
    default: {
      const pull = world.pulls[event.pull];
      return pull ? actOn(world, pull, event) : 'there is no such pull request';
    }
  }
}

/** As people call it, such as `acme/shop#3`. */
export function nameOf(
  { repositories }: Pick<World, 'repositories'>,
  pull: Pick<Pull, 'repositoryId' | 'number'>,
): string {
  const names = repositories.find(({ id }) => id === pull.repositoryId)?.names ?? [];
  return `${owner}/${names.at(-1) ?? '?'}#${pull.number}`;
}

function actOn(
  { github, apps }: World,
  pull: Pull,
  event: Exclude<PeopleEvent, { readonly do: 'open' | 'rename' }>,
): string | undefined {
  const { repositoryId, number } = pull;
  const { state, mergedAt } = github.pullRequest(repositoryId, number);
  switch (event.do) {
    case 'push': {
      const sha = github.push(repositoryId, number, filesOf(event.app), { message: event.app.word });
      apps.set(sha, event.app);
      pull.revisions.push(sha);
      return `it is ${sha.slice(0, 7)}`;
    }
    case 'go back': {
      const sha = pull.revisions[event.nth % pull.revisions.length] ?? '';
      github.push(repositoryId, number, {}, { force: sha });
      return `it is ${sha.slice(0, 7)}`;
    }
    case 'label':
      return void github.label(repositoryId, number, event.name);
    case 'unlabel':
      return void github.unlabel(repositoryId, number, event.name);
    case 'close':
      return void github.closePullRequest(repositoryId, number);
    case 'reopen':
      if (mergedAt) return 'it is merged';
      return void github.reopen(repositoryId, number);
    case 'merge':
      if (state === 'closed') return 'it is closed';
      if (pull.isFork) return 'nobody merges it';
      try {
        github.merge(repositoryId, number);
      } catch (error) {
        github.closePullRequest(repositoryId, number);
        return `closed instead: ${error instanceof Error ? error.message : String(error)}`;
      }
      return undefined;
    case 'retitle':
      return void github.edit(repositoryId, number, { title: event.title });
    case 'waver':
      if (mergedAt) return 'it is merged';
      github.closePullRequest(repositoryId, number);
      github.reopen(repositoryId, number);
      return void github.closePullRequest(repositoryId, number);
    case 'approve': {
      const { sha } = github.pullRequest(repositoryId, number).head;
      const command = `/preview approve ${sha}`;
      github.comment(repositoryId, number, event.by, event.rightly ? command : `> ${command}`);
      if (event.by === 'robin' && event.rightly) pull.approved.add(sha);
      return `it is for ${sha.slice(0, 7)}`;
    }
    case 'delete comment': {
      const ours = github.comments(repositoryId, number).find(({ viaApp }) => viaApp);
      if (!ours) return 'there is none';
      return void github.deleteComment(repositoryId, ours.id, 'mona');
    }
  }
}
