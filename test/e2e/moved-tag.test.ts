import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { page } from './repositories.ts';
import { startWorld, type World } from './world.ts';

const repo = 'acme/moved';
const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';

describe('a tag that somebody moves', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
    world.github.createRepository({ owner: 'acme', name: 'moved', from: page('first') });
  });
  after(() => world[Symbol.asyncDispose]());

  const manifest = (version: string) =>
    `http://${world.stack.registry}/v2/${world.instance}/${repo}/web/manifests/${version}`;

  async function tagOf(digest: string): Promise<string> {
    const list = await fetch(manifest('').replace('manifests/', 'tags/list'));
    for (const tag of ((await list.json()) as { tags: readonly string[] }).tags) {
      const answer = await fetch(manifest(tag), { method: 'HEAD', headers: { accept } });
      if (answer.headers.get('docker-content-digest') === digest) return tag;
    }
    return assert.fail(`no tag leads to ${digest}`);
  }

  /** The one pod of a pull request's preview. */
  async function pod(number: number) {
    const labelled = await world.namespaces();
    const name = labelled.map(({ metadata }) => metadata?.name ?? '').find((each) => each.startsWith(`pr-${number}-`));
    const { items } = await world.cluster.listNamespacedPod({ namespace: name ?? '' });
    const running = items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
    const [only] = running;
    const image = only?.spec?.containers[0]?.image ?? '';
    return { namespace: name ?? '', name: only?.metadata?.name ?? '', image, isReady: isReady(only) };
  }

  // The timeout ends the wait for the pod.
  it('E14 changes nothing: what was built is what runs, also in pods that are made later', {
    timeout: 180_000,
  }, async ({ signal }) => {
    const first = world.github.openPullRequest({ repo });
    const other = world.github.openPullRequest({ repo, changes: { 'index.html': '<p>evil @REVISION@</p>\n' } });
    const url = await world.running(repo, first.number, first.headSha);
    await world.running(repo, other.number, other.headSha);
    const before = await pod(first.number);
    const digest = digestIn(before.image);
    const moved = digestIn((await pod(other.number)).image);
    assert.notEqual(digest, moved);
    const tag = await tagOf(digest);
    const evil = await fetch(manifest(moved), { headers: { accept } });
    const headers = { 'content-type': evil.headers.get('content-type') ?? '' };
    const put = await fetch(manifest(tag), { method: 'PUT', headers, body: await evil.bytes() });
    assert.equal(put.status, 201);
    assert.equal(put.headers.get('docker-content-digest'), moved);

    await world.cluster.deleteNamespacedPod({ namespace: before.namespace, name: before.name, gracePeriodSeconds: 0 });
    let later = before;
    while (later.name === before.name || !later.isReady) {
      await setTimeout(200, undefined, { signal });
      later = await pod(first.number);
    }
    assert.equal(later.image, before.image);
    await world.shows(url, first.headSha);
    assert.ok(!(await world.visit(url)).body.includes('evil'));
  });
});

function digestIn(image: string): string {
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
  assert.ok(digest, `${image} is not deployed by digest`);
  return digest;
}

interface Pod {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function isReady(pod: Pod | undefined): boolean {
  return pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}
