/** Each request of each call that writes, disturbed in each way; then the call again, as a retry would. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { corePath, namespacePath } from '../../src/adapters/kubernetes/collections.ts';
import { fenceHolderAnnotation } from '../../src/adapters/kubernetes/metadata.ts';
import type { KubernetesObject, Namespace } from '../../src/adapters/kubernetes/objects.ts';
import { defaultKubernetesOptions } from '../../src/adapters/kubernetes/options.ts';
import { policyObjects } from '../../src/adapters/kubernetes/policy-objects.ts';
import { DiagnosedError, FencedError } from '../../src/domain/errors.ts';
import type { FenceState } from '../../src/ports.ts';
import type { Fault, SeenRequest } from '../fault-rules.ts';
import {
  type FaultyPreview,
  faultyPreview,
  image,
  restricted,
  type TestPreview,
  testPreview,
} from './kubernetes-stack.ts';

const { signal } = new AbortController();
const revision = 'c'.repeat(40);

interface Disturbance {
  readonly fault: Fault;
  /** To the first such request only, which a retry inside the call gets over; otherwise to all, so that the call fails. */
  readonly once: boolean;
}

const ofReads: readonly Disturbance[] = [
  { fault: { do: 'answer', status: 500 }, once: true },
  { fault: { do: 'drop' }, once: false },
];
/** What leads to different paths through the code. */
const ofLaterWrites: readonly Disturbance[] = [
  { fault: { do: 'answer', status: 409 }, once: true },
  { fault: { do: 'drop', afterCommit: true }, once: true },
  { fault: { do: 'answer', status: 504, afterCommit: true }, once: false },
];
const ofFirstWrite: readonly Disturbance[] = [
  { fault: { do: 'answer', status: 409 }, once: true },
  { fault: { do: 'answer', status: 429, retryAfterSeconds: 0 }, once: true },
  { fault: { do: 'answer', status: 500 }, once: true },
  { fault: { do: 'answer', status: 503 }, once: true },
  { fault: { do: 'answer', status: 504, afterCommit: true }, once: true },
  { fault: { do: 'drop' }, once: true },
  { fault: { do: 'drop', afterCommit: true }, once: true },
  { fault: { do: 'answer', status: 504, afterCommit: true }, once: false },
  { fault: { do: 'drop' }, once: false },
];

interface Call {
  /** What must be there first. */
  readonly before: (stage: FaultyPreview) => Promise<unknown>;
  readonly call: (stage: FaultyPreview) => Promise<unknown>;
  /** What a retry does; the same call when left out. */
  readonly again?: (stage: FaultyPreview) => Promise<unknown>;
  readonly state: (stage: FaultyPreview) => Promise<unknown>;
}

interface Run {
  readonly state: unknown;
  readonly requests: readonly SeenRequest[];
  readonly failure: unknown;
}

async function run(
  makeCall: () => Call,
  shared: TestPreview | undefined,
  disturb?: (stage: FaultyPreview) => void,
): Promise<Run> {
  const { before, call, again = call, state } = makeCall();
  await using stage = await faultyPreview({}, shared);
  await before(stage);
  disturb?.(stage);
  const failure = await call(stage).then(
    () => undefined,
    (error: unknown) => error,
  );
  const requests = stage.proxy.requests.map((seen) => ({ ...seen, path: seen.path.replace(stage.preview.name, '*') }));
  stage.proxy.heal();
  if (disturb !== undefined) await again(stage);
  return { state: await state(stage), requests, failure };
}

/**
 * Runs the call undisturbed, then for each of its requests with each disturbance of that; all must end alike. Each run has a namespace
 * of its own, unless one is given: then they share it one after the other, and `before` puts it back.
 */
async function disturbEach(makeCall: () => Call, shared?: TestPreview): Promise<void> {
  const undisturbed = await run(makeCall, shared);
  assert.equal(undisturbed.failure, undefined);
  const isRead = ({ method }: SeenRequest) => method === 'GET';
  const firstWrite = undisturbed.requests.findIndex((request) => !isRead(request));
  const cases = undisturbed.requests.flatMap((request, nth) => {
    // What is read until it says what is waited for is read as often as the cluster likes.
    const isRepeated = undisturbed.requests.slice(0, nth).some((it) => isRead(it) && it.path === request.path);
    if (isRead(request) && isRepeated) return [];
    const disturbances = isRead(request) ? ofReads : nth === firstWrite ? ofFirstWrite : ofLaterWrites;
    return disturbances.map((disturbance) => ({ request, nth, ...disturbance }));
  });
  await inParallel(shared === undefined ? 4 : 1, cases, async ({ request: { method, path }, nth, fault, once }) => {
    const what = `${method} ${path} (${nth}): ${JSON.stringify(fault)} ${once ? 'once' : 'always'}`;
    const earlier = undisturbed.requests.slice(0, nth).filter((it) => it.method === method && it.path === path);
    const { state, failure, requests } = await run(makeCall, shared, ({ preview, proxy }) => {
      const exactly = new RegExp(`^${path.replace('*', preview.name)}$`);
      proxy.fault({ method, path: exactly }, fault, once ? 1 : undefined, earlier.length);
    });
    assert(
      requests.some((it) => it.fault === fault),
      `${what}: the request did not come`,
    );
    // These would mean that another worker has taken over, or that a person must change something.
    assert(!(failure instanceof FencedError || failure instanceof DiagnosedError), `${what}: ${String(failure)}`);
    assert.deepEqual(state, undisturbed.state, what);
  });
}

async function inParallel<T>(width: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** Labels and annotations of the namespace, without what differs from one preview to another. */
async function namespaceState({ preview }: FaultyPreview): Promise<{ readonly terminating: boolean }> {
  const { metadata } = await preview.api.json<Namespace>({ path: namespacePath(preview.name) }, signal);
  const { [fenceHolderAnnotation]: _, ...annotations } = metadata.annotations ?? {};
  const { 'berth.dev/instance': __, 'berth.dev/pull-request': ___, ...labels } = metadata.labels ?? {};
  const terminating = metadata.deletionTimestamp !== undefined;
  const state = { labels, annotations, terminating };
  return state;
}

function request({ preview }: FaultyPreview) {
  const { key, name } = preview;
  const repository = { id: key.repositoryId, owner: 'acme', name: 'shop', cloneUrl: 'https://example.com/a/b' };
  return { key, name, repository, trust: 'trusted' } as const;
}

const held = { metadata: { name: 'held', finalizers: ['example.com/hold'] } };

async function letGo({ preview: { api, name } }: FaultyPreview): Promise<void> {
  const contentType = 'application/merge-patch+json';
  const path = `${corePath(name, 'configmaps')}/held`;
  await api.json({ method: 'PATCH', path, contentType, body: { metadata: { finalizers: null } } }, signal);
}

/**
 * Gives work a namespace to share, for calls that write nothing but annotations: `before` puts those back, which costs a hundredth of a
 * new namespace.
 */
async function inOneNamespace(
  work: (preview: TestPreview, before: () => Promise<void>) => Promise<void>,
): Promise<void> {
  await using preview = await testPreview();
  await preview.prepare();
  const path = namespacePath(preview.name);
  const read = async () => (await preview.api.json<Namespace>({ path }, signal)).metadata.annotations ?? {};
  const original = await read();
  await work(preview, async () => {
    const added = Object.keys(await read()).filter((name) => !(name in original));
    const annotations = { ...Object.fromEntries(added.map((name) => [name, null])), ...original };
    const contentType = 'application/merge-patch+json';
    await preview.api.json({ method: 'PATCH', path, contentType, body: { metadata: { annotations } } }, signal);
    assert.deepEqual(await read(), original);
  });
}

describe('Kubernetes: calls that write', { timeout: 300_000 }, () => {
  it('G8 prepareNamespace', async () => {
    await disturbEach(() => ({
      before: async () => undefined,
      call: (stage) => stage.cluster.prepareNamespace(request(stage), signal),
      async state(stage) {
        const paths = policyObjects(stage.preview.name, defaultKubernetesOptions, 'trusted').map(({ path }) => path);
        const objects = paths.map(async (path) => {
          const { spec, subjects, automountServiceAccountToken } = await stage.preview.api.json<{
            spec?: object;
            subjects?: readonly { readonly name: string }[];
            automountServiceAccountToken?: boolean;
          }>({ path }, signal);
          return { spec, subjects: subjects?.map(({ name }) => name), automountServiceAccountToken };
        });
        return [await namespaceState(stage), await Promise.all(objects)];
      },
    }));
  });

  it('G8 raiseFence: who has won knows it, and nobody is locked out', async () => {
    await inOneNamespace(async (shared, before) => {
      await disturbEach(() => {
        let held: FenceState | undefined;
        const raise = async ({ cluster, preview }: FaultyPreview) => {
          const fence = await preview.cluster.fence(preview.key, signal);
          assert(fence);
          held = await cluster.raiseFence(fence, signal);
        };
        return {
          before,
          call: raise,
          async again(stage) {
            // A number that was raised although the call failed is nobody's: the next worker starts from it.
            if (held === undefined) await raise(stage);
          },
          async state({ cluster }) {
            assert(held);
            await cluster.checkFence(held, signal);
          },
        };
      }, shared);
    });
  });

  for (const [what, fault] of [
    ['an answer was lost', { do: 'drop', afterCommit: true }],
    ['the server timed out after commit', { do: 'answer', status: 504, afterCommit: true }],
  ] as const) {
    it(`G8 raiseFence: one of two wins when ${what}`, async () => {
      await using stage = await faultyPreview();
      const { preview, proxy, cluster } = stage;
      await preview.prepare();
      for (let round = 0; round < 10; round += 1) {
        const fence = await preview.cluster.fence(preview.key, signal);
        assert(fence);
        proxy.fault({ method: 'PATCH' }, fault, 1);
        const results = await Promise.allSettled([
          cluster.raiseFence(fence, signal),
          preview.cluster.raiseFence(fence, signal),
        ]);
        const winners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
        assert.deepEqual(winners, [{ ...fence, number: fence.number + 1 }]);
        for (const result of results) assert(result.status === 'fulfilled' || result.reason instanceof FencedError);
        proxy.heal();
      }
    });
  }

  it('G8 recordRelease', async () => {
    const outcome = { state: 'failed', diagnosis: { reason: 'ChartInvalid', message: 'No.' } } as const;
    const record = { version: undefined, planDigest: 'p', revision, outcome };
    await inOneNamespace(async (shared, before) => {
      await disturbEach(
        () => ({
          before,
          call: async ({ cluster, preview }) => cluster.recordRelease(await preview.fence(), record, signal),
          state: namespaceState,
        }),
        shared,
      );
    });
  });

  it('G8 recordRevision', async () => {
    await inOneNamespace(async (shared, before) => {
      await disturbEach(
        () => ({
          before,
          call: async ({ cluster, preview }) => cluster.recordRevision(await preview.fence(), revision, signal),
          state: namespaceState,
        }),
        shared,
      );
    });
  });

  it('G8 deleteNamespace', async () => {
    await disturbEach(() => {
      let uid = '';
      return {
        async before({ preview }) {
          await preview.prepare();
          uid = await preview.uid();
          // Never scheduled, so that it ends as soon as it is deleted.
          const containers = [{ name: 'web', image, ...restricted.container }];
          const spec = { nodeSelector: { 'example.com/no': 'node' }, ...restricted.pod, containers };
          await preview.create(corePath(preview.name, 'pods'), { metadata: { name: 'web' }, spec });
          await preview.create(corePath(preview.name, 'configmaps'), held);
        },
        call: ({ cluster, preview }) => cluster.deleteNamespace(preview.name, uid, signal),
        async state(stage) {
          const { terminating } = await namespaceState(stage);
          const { api, name } = stage.preview;
          const { items } = await api.list<KubernetesObject>({ path: corePath(name, 'pods') }, signal);
          await letGo(stage);
          return { terminating, pods: items.map(({ metadata }) => metadata.name) };
        },
      };
    });
  });
});
