import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReleaseState } from '../../src/domain/preview.ts';
import { fakeCluster } from '../fakes/cluster.ts';
import { fakeReleaser } from '../fakes/releaser.ts';
import { hook } from './charts.ts';
import { helmStage, sleep, templates } from './helm-stage.ts';
import { describeReleaserContract } from './releaser.contract.ts';

const { signal } = new AbortController();

describeReleaserContract('in memory', async () => {
  const cluster = fakeCluster();
  const releaser = fakeReleaser(cluster.world);
  const key = { repositoryId: 1, number: 2 };
  const namespace = cluster.world.add('pr-2', key).name;
  const state = async () => (await cluster.observe(key, namespace, undefined, signal)).release.state;
  const request = {
    namespace,
    chart: { kind: 'built-in' },
    chartPath: undefined,
    valuesTexts: [],
    values: {},
    hosts: [],
    trust: 'trusted',
    isUpgrade: false,
  } as const;
  return {
    releaser,
    namespace,
    state,
    async request(kind) {
      releaser.deleteHooks(kind === 'hanging delete hook');
      if (kind === 'broken') releaser.next({ refuse: { reason: 'ChartInvalid', message: 'broken' } });
      if (kind === 'failing hook') releaser.next({ fail: { reason: 'HookFailed', message: 'failing' } });
      if (kind === 'hanging hook') releaser.next({ hang: true });
      return request;
    },
    async reaches(wanted) {
      while ((await state()) !== wanted) await cluster.world.nextChange(signal);
    },
    async kill(during) {
      if (during !== 'install') await releaser.upgrade(request, signal);
      releaser.next({ kill: true });
      await releaser.upgrade(request, signal).catch(() => undefined);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
});

describeReleaserContract('Helm', async () => {
  const { preview, releaser, chart, state, helm, [Symbol.asyncDispose]: dispose } = await helmStage();

  async function reaches(wanted: ReleaseState['state']): Promise<void> {
    while ((await state()) !== wanted) await delay(20);
  }

  return {
    releaser,
    namespace: preview.name,
    state,
    reaches,
    request: (kind) => chart(templates[kind]),
    async kill(during) {
      const { chartPath = '' } = await chart({
        'hook.yaml': hook('seed', 'pre-install,pre-upgrade,pre-rollback', sleep),
      });
      if (during !== 'install') {
        await releaser.upgrade(await chart({}), signal);
      }
      if (during === 'rollback') {
        // A revision with a hook that hangs, to roll back to.
        const forward = helm(['upgrade', 'preview', chartPath, '--no-hooks']);
        await once(forward, 'exit');
      }
      const child = helm(during === 'rollback' ? ['rollback', 'preview', '2'] : [during, 'preview', chartPath]);
      await reaches('pending');
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
    [Symbol.asyncDispose]: dispose,
  };
});
