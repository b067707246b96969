/** What must be true of the world when it has come to rest. */
import { keyId } from '../../src/domain/preview.ts';
import { ownerKey } from '../../src/adapters/kubernetes/ownership.ts';
import { revisionAnnotation } from '../../src/adapters/kubernetes/metadata.ts';
import type { KubernetesObject } from '../../src/adapters/kubernetes/objects.ts';
import type { Deployment } from '../simulator/world/entities.ts';
import { type App, complaintsAbout, wantedLabel } from './apps.ts';
import { nameOf } from './people.ts';
import { visit } from './visit.ts';
import { owner, type Pull, type World } from './world.ts';

export interface Problem {
  /** What it is about; `undefined` for the world as a whole. */
  readonly pull: Pull | undefined;
  readonly text: string;
}

/** What a pull request asks for. */
type Expected =
  | { readonly state: 'absent' | 'held' }
  | { readonly state: 'serving' | 'failing'; readonly revision: string; readonly app: App };

/** What is not as it should be now; nothing once the world is at rest. */
export async function problemsOf(world: World): Promise<readonly Problem[]> {
  const namespaces = await world.namespaces();
  const keyOf = (namespace: KubernetesObject) => {
    const key = ownerKey(namespace, world.instance);
    return key && keyId(key);
  };
  const known = new Set(world.pulls.map((pull) => keyId(pull)));
  const problems: Problem[] = namespaces
    .filter((namespace) => !known.has(keyOf(namespace) ?? ''))
    .map(({ metadata }) => ({ pull: undefined, text: `the namespace ${metadata.name} is nobody's` }));
  const aboutEach = await Promise.all(
    world.pulls.map(async (pull) => {
      const own = namespaces.filter((namespace) => keyOf(namespace) === keyId(pull));
      const texts = await problemsOfPull(world, pull, own);
      return texts.map((text) => ({ pull, text: `${nameOf(world, pull)}: ${text}` }));
    }),
  );
  return [...problems, ...aboutEach.flat()];
}

function expectedOf({ github, apps }: World, { repositoryId, number, isFork, approved }: Pull): Expected {
  const { state, labels, head } = github.pullRequest(repositoryId, number);
  if (state === 'closed' || labels.has('preview:off')) return { state: 'absent' };
  if (isFork && !approved.has(head.sha)) return { state: 'held' };
  const app = apps.get(head.sha);
  if (!app) throw new Error(`nobody knows what ${head.sha} is`);
  if (app.kind === 'page on request' && !isFork && !labels.has(wantedLabel)) return { state: 'absent' };
  return { state: complaintsAbout(app, isFork) ? 'failing' : 'serving', revision: head.sha, app };
}

async function problemsOfPull(
  world: World,
  pull: Pull,
  namespaces: readonly KubernetesObject[],
): Promise<readonly string[]> {
  const expected = expectedOf(world, pull);
  const [comment, ...moreComments] = world.github
    .comments(pull.repositoryId, pull.number)
    .filter(({ viaApp }) => viaApp)
    .map(({ body }) => body);
  const active = activeDeployments(world, pull);
  const problems = [...problemsOfComment(world, pull, comment)];
  if (moreComments.length > 0) problems.push(`it has ${moreComments.length + 1} comments of ours`);
  const [namespace, ...others] = namespaces;
  if (others.length > 0) problems.push(`it has ${namespaces.length} namespaces`);
  if (namespace?.metadata.deletionTimestamp !== undefined) problems.push(`${namespace.metadata.name} is still going`);

  const says = (pattern: RegExp) => {
    if (!pattern.test(comment ?? '')) problems.push(`the comment does not say ${pattern}: ${comment}`);
  };
  const deployed = (wanted: readonly string[]) => {
    const found = active.map(wordsOf);
    if (found.join() !== wanted.join()) {
      problems.push(`its active deployments are [${found.join()}], not [${wanted.join()}]`);
    }
  };
  switch (expected.state) {
    case 'absent':
      if (namespace) problems.push(`${namespace.metadata.name} is still there`);
      deployed([]);
      if (comment !== undefined) says(/The preview is removed/);
      break;
    case 'held':
      says(/Waiting for approval/);
      problems.push(...problemsOfHeld(pull, namespace, active));
      break;
    case 'serving': {
      deployed([`${short(expected.revision)} success`]);
      says(new RegExp(`Open the preview.*${short(expected.revision)}`));
      if (!namespace) return [...problems, 'it has no namespace'];
      problems.push(...problemsOfServing(namespace, expected.revision));
      const url = /\[Open the preview\]\(([^)]+)\)/.exec(comment ?? '')?.[1];
      if (url === undefined) break;
      const posted = active[0]?.statuses.at(-1)?.environmentUrl;
      if (posted !== url) problems.push(`the deployment leads to ${posted}, the comment to ${url}`);
      problems.push(...(await problemsOfPage(world, new URL(url).hostname, expected.app.word)));
      break;
    }
    case 'failing': {
      deployed([`${short(expected.revision)} failure`]);
      says(new RegExp(`Failed.*${short(expected.revision)}`));
      says(complaintsAbout(expected.app, pull.isFork) ?? /./);
      problems.push(...(await problemsOfLastGood(world, pull, namespace, comment ?? '')));
    }
  }
  return problems;
}

/** Only what was approved before may still be served. */
function problemsOfHeld(
  { approved }: Pull,
  namespace: KubernetesObject | undefined,
  active: readonly Readonly<Deployment>[],
): readonly string[] {
  const served = namespace?.metadata.annotations?.[revisionAnnotation];
  return [
    ...(served === undefined || approved.has(served) ? [] : [`it serves ${short(served)}, which nobody approved`]),
    ...active
      .filter(({ sha }) => !approved.has(sha))
      .map((each) => `its deployment ${wordsOf(each)} is of a revision that nobody approved`),
  ];
}

/** The comment is about this pull request and about nobody else's. */
function problemsOfComment({ repositories, github }: World, pull: Pull, comment = ''): readonly string[] {
  const names = repositories.find(({ id }) => id === pull.repositoryId)?.names ?? [];
  const own = names.map((name) => `${github.htmlUrl}/${owner}/${name}/pull/${pull.number}`);
  const named = [...comment.matchAll(/https?:\/\/[^\s()]+?\/pull\/\d+/g)].map(([url]) => url);
  const previews = [...comment.matchAll(/https?:\/\/(pr-\d+)-/g)].map(([, preview]) => preview);
  return [
    ...named.filter((url) => !own.includes(url)).map((url) => `the comment names ${url}`),
    ...previews.filter((preview) => preview !== `pr-${pull.number}`).map((each) => `the comment leads to ${each}-…`),
  ];
}

function problemsOfServing({ metadata }: KubernetesObject, revision: string): readonly string[] {
  const served = metadata.annotations?.[revisionAnnotation];
  return served === revision ? [] : [`${metadata.name} is said to serve ${served}, not ${revision}`];
}

/** What was once good in this namespace serves on when its successor fails. */
async function problemsOfLastGood(
  world: World,
  pull: Pull,
  namespace: KubernetesObject | undefined,
  comment: string,
): Promise<readonly string[]> {
  const served = namespace?.metadata.annotations?.[revisionAnnotation];
  if (served === undefined) {
    const since = Date.parse(namespace?.metadata.creationTimestamp ?? '') + 1_000;
    const wasGood = deploymentsOf(world, pull).some(({ statuses }) =>
      statuses.some(({ state, createdAt }) => state === 'success' && createdAt.getTime() > since),
    );
    if (wasGood) return ['what was good before does not serve any more'];
    return comment.includes('Still serving') ? ['the comment says that something serves, and nothing does'] : [];
  }
  const problems = [];
  if (!new RegExp(`[Ss]erving.*${short(served)}`).test(comment)) {
    problems.push(`the comment does not say that ${short(served)} still serves: ${comment}`);
  }
  if (pull.isUninstalled) return problems;
  const { word } = world.apps.get(served) ?? { word: '?' };
  return [...problems, ...(await problemsOfPage(world, `${namespace?.metadata.name}.localhost`, word))];
}

/** The page as both gateways show it. */
async function problemsOfPage({ berths }: World, host: string, word: string): Promise<readonly string[]> {
  const pages = await Promise.all(
    [berths.A, berths.B].map(async ({ name, gatewayPort }) => {
      const { status, body } = await visit(gatewayPort, host);
      const shown = `${status} ${body.trim().slice(0, 200)}`;
      return status === 200 && body.includes(`this is ${word}<`)
        ? []
        : [`${host} at ${name} shows ${shown}, not ${word}`];
    }),
  );
  return pages.flat();
}

function deploymentsOf({ github }: World, { repositoryId, number }: Pull): readonly Readonly<Deployment>[] {
  return github.deployments(repositoryId).filter(({ task }) => task === `preview:${number}`);
}

function activeDeployments(world: World, pull: Pull): readonly Readonly<Deployment>[] {
  return deploymentsOf(world, pull).filter(({ statuses }) => statuses.at(-1)?.state !== 'inactive');
}

function wordsOf({ sha, statuses }: Readonly<Deployment>): string {
  return `${short(sha)} ${statuses.at(-1)?.state ?? 'without a status'}`;
}

function short(revision: string): string {
  return revision.slice(0, 7);
}
