/** What must be true of the world whenever it has come to rest. */
import assert from 'node:assert/strict';
import type { PreviewKey, PullRequest } from '../../src/domain/preview.ts';
import type { Fate } from './code.ts';
import { nameOf } from './people.ts';
import type { FaultWorld } from './world.ts';

/** @throws AssertionError that names the preview. */
export async function assertInvariants(world: FaultWorld, keys: readonly PreviewKey[]): Promise<void> {
  assert.deepEqual(world.witness.crimes, []);
  assert.deepEqual(world.code.foreignTouched, [], 'nothing of a fork is fetched or built that nobody approved');
  for (const key of keys) {
    const pull = world.forge.current(key);
    assert.ok(pull);
    await assertRight(world, pull);
  }
  const known = new Set(keys.map(nameOf));
  assert.ok(world.queue.isEmpty, 'nothing is queued');
  const strangers = [...world.cluster.world.namespaces.values()].filter(({ key }) => !key || !known.has(nameOf(key)));
  assert.deepEqual(strangers, [], 'every namespace belongs to a pull request');
}

const endsWell: readonly Fate[] = ['ready', 'on request', 'pods are slow', 'built elsewhere'];

async function assertRight(world: FaultWorld, pull: PullRequest): Promise<void> {
  const { key, head } = pull;
  const about = (what: string) => `${nameOf(key)}: ${what}`;
  const namespaces = world.namespaces(key);
  const comment = world.forge.comment(key);
  const active = world.forge.deployments(key).filter(({ state }) => state !== 'inactive');
  const deployed = active.map(({ revision, state }) => `${revision.slice(0, 7)} ${state}`);
  const waitingFor = await world.ports.queue.waitingFor(key);
  assert.deepEqual(waitingFor, [], about('waits for no build'));
  assert.ok(world.forge.comments(key).length <= 1, about('has one comment at most'));
  if (comment !== undefined) assertAboutNobodyElse(comment, pull, about);

  const fate = fateOf(world, pull);
  if (!isOpen(pull) || (fate === 'on request' && !pull.labels.includes('wanted'))) {
    assert.deepEqual(namespaces, [], about('has no namespace'));
    assert.deepEqual(deployed, [], about('has no active deployment'));
    if (comment !== undefined) assert.match(comment, /The preview is removed/, about('is said to be removed'));
    return;
  }
  if (isForked(pull) && !world.approvals.isApproved(key, head.revision)) {
    const serving = namespaces.flatMap(({ revision }) => revision ?? []);
    assert.ok(namespaces.length <= 1, about('has one namespace at most'));
    for (const revision of serving)
      assert.ok(world.approvals.wasApproved(key, revision), about('serves what was approved'));
    assert.match(comment ?? '', /Waiting for approval/, about('says that it waits for approval'));
    assert.ok(comment?.includes(`\n/preview approve ${head.revision}\n`), about('says how to approve it'));
    if (serving.length === 0) assert.deepEqual(deployed, [], about('has no active deployment'));
    return;
  }
  assert.ok(comment, about('has a comment'));
  const sha = head.revision.slice(0, 7);
  assert.ok(comment.includes(sha), about(`the comment is about ${sha}: ${comment}`));
  if (endsWell.includes(fate)) {
    assertServes(world, pull, about);
    assert.match(comment, /Open the preview/, about('the comment says that it runs'));
    assert.deepEqual(deployed, [`${sha} success`], about('its deployment is active, and no other'));
    return;
  }
  assert.ok(namespaces.length <= 1, about('has one namespace at most'));
  assert.match(comment, /Failed/, about('the comment says that it failed'));
  assert.deepEqual(deployed, [`${sha} failure`], about('its deployment has failed, and no other is active'));
}

/** What becomes of it, once it may run. What a fork says of itself counts for nothing. */
function fateOf({ code, forge }: FaultWorld, pull: PullRequest): Fate {
  const { fate } = code.contentOf(pull.head.revision);
  if (!isForked(pull)) return fate;
  const base = code.baseOf(forge.tip(pull.repository.id, 'main'));
  if (base === 'broken') return 'manifest is wrong';
  if (base === 'on request' && !pull.labels.includes('wanted')) return 'on request';
  return fate === 'on request' || fate === 'manifest is wrong' || fate === 'built elsewhere' ? 'ready' : fate;
}

function isForked({ head, repository }: PullRequest): boolean {
  return head.repositoryId !== repository.id;
}

function assertServes(world: FaultWorld, pull: PullRequest, about: (what: string) => string): void {
  const content = world.code.contentOf(pull.head.revision);
  const [namespace, ...others] = world.namespaces(pull.key);
  assert.ok(namespace, about('has a namespace'));
  assert.deepEqual(others, [], about('has one namespace only'));
  const { preparedFor, terminating, revision, helm, workloads, uid, record } = namespace;
  assert.deepEqual(
    {
      prepared: preparedFor !== undefined,
      terminating,
      revision,
      helm: helm.at(-1)?.status,
      workloads: workloads.state,
    },
    { prepared: true, terminating: false, revision: pull.head.revision, helm: 'deployed', workloads: 'ready' },
    about('serves the newest revision'),
  );
  assert.deepEqual(world.code.builtFrom(world.pods.running.get(uid) ?? ''), content, about('runs what was pushed'));
  assert.equal(record?.outcome.state, 'deployed', about('what was deployed is written down'));
}

function isOpen({ state, labels }: PullRequest): boolean {
  return state === 'open' && !labels.includes('preview:off');
}

function assertAboutNobodyElse(comment: string, pull: PullRequest, about: (what: string) => string): void {
  const urls = [...comment.matchAll(/forge\.test\/[^)/]+\/[^)/]+\/pull\/\d+/g)].map(([url]) => `https://${url}`);
  for (const url of urls) assert.equal(url, pull.url, about('the comment is about this pull request'));
}
