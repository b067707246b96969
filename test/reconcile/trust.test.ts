import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { RetryLaterError } from '../../src/domain/errors.ts';
import type { PreviewKey, PullRequest } from '../../src/domain/preview.ts';
import { closedGate } from './gate.ts';
import { app, itInWorld, maintainer, type TestWorld } from './world.ts';

const chart = { 'chart/Chart.yaml': 'name: base', 'chart/templates/a.yaml': 'base', 'values.yaml': 'from: base' };
const routes = 'routes: { web: { service: web, port: 80 } }\n';

/** What a stranger's code must not have led to. */
function assertUntouched(world: TestWorld, { key, head }: PullRequest, revision = head.revision): void {
  assert.ok(!world.source.asked.includes(revision), 'its code is not fetched');
  assert.deepEqual(
    revisionsBuilt(world).filter((built) => built === revision),
    [],
  );
  assert.equal(world.namespace(key), undefined);
  assert.deepEqual(world.forge.deployments(key), []);
}

async function assertHeld(world: TestWorld, key: PreviewKey): Promise<void> {
  assert.equal((await world.status(key))?.phase, 'Held');
  assert.match(world.forge.comment(key) ?? '', /Waiting for approval/);
}

async function assertReady(world: TestWorld, key: PreviewKey): Promise<void> {
  const revision = world.forge.current(key)?.head.revision;
  assert.equal((await world.status(key))?.phase, 'Ready');
  assert.equal(world.namespace(key)?.revision, revision);
  assert.equal(world.namespace(key)?.preparedFor?.trust, 'untrusted');
}

function revisionsBuilt({ builder }: TestWorld): readonly (string | undefined)[] {
  return builder.builds.map(({ args }) => args['BERTH_REVISION']);
}

/** Something happens right after a method was called for the nth time. */
function after<Port extends object>(port: Port, method: keyof Port, nth: number, happen: () => void): void {
  const original = port[method] as (...args: unknown[]) => Promise<unknown>;
  let calls = 0;
  const changed = async (...args: unknown[]): Promise<unknown> => {
    const answer = await original.apply(port, args);
    calls += 1;
    if (calls === nth) happen();
    return answer;
  };
  Object.assign(port, { [method]: changed });
}

function demote({ forge, repository }: TestWorld): void {
  forge.people.setRole(repository.id, maintainer, 'read');
}

describe('a fork', () => {
  itInWorld(
    'D1 is not touched until somebody with the right approves it, and runs then as untrusted',
    async (world) => {
      const pull = world.openFork();
      const { key, head } = pull;
      await world.run(key);
      assertUntouched(world, pull);
      await assertHeld(world, key);
      assert.ok(world.forge.comment(key)?.includes(`\n/preview approve ${head.revision}\n`));

      world.approve(key);
      await world.run(key);
      await assertReady(world, key);
      assert.deepEqual(revisionsBuilt(world), [head.revision]);
      assert.equal(world.builder.builds[0]?.trust, 'untrusted');
      assert.match(world.forge.comment(key) ?? '', /a fork's code, approved by mona/);
    },
  );

  itInWorld('D1 is not built or made a namespace for by what strangers write', async (world) => {
    const pull = world.openFork();
    const { key, head } = pull;
    for (const author of ['stranger', 'another'])
      world.forge.people.comment(key, author, `/preview approve ${head.revision}`);
    await world.run(key);
    assertUntouched(world, pull);
    assert.deepEqual(world.forge.approvals(key), []);
    assert.match(world.forge.comment(key) ?? '', /by another, was not taken: its author may not write/);
  });

  itInWorld('D1 asks about the rights of a few people at most, however many write the command', async (world) => {
    const pull = world.openFork();
    const { key, head } = pull;
    world.approve(key);
    for (let nth = 0; nth < 100; nth += 1)
      world.forge.people.comment(key, `sock-${nth}`, `/preview approve ${head.revision}`);
    await world.run(key);
    assertUntouched(world, pull);
    world.approve(key);
    await world.run(key);
    await assertReady(world, key);
  });

  itInWorld('D2 is blocked while the forge does not say who may write, and goes on when it does', async (world) => {
    const pull = world.openFork();
    const { key } = pull;
    world.approve(key);
    for (const error of [new Error('503'), new RetryLaterError('rate limit', world.clock.now() + 60_000)]) {
      world.forge.failRights(error);
      await world.run(key);
      assert.deepEqual(world.failures(), [error]);
      assertUntouched(world, pull);
      assert.deepEqual(world.forge.approvals(key), []);
    }
    world.forge.failRights();
    await world.clock.advance(900_000);
    await world.queue.idle();
    await assertReady(world, key);
  });

  itInWorld('D2 is not deployed either when the forge stops saying so after the build', async (world) => {
    const { key } = world.openFork();
    world.approve(key);
    after(world.builder, 'build', 1, () => world.forge.failRights(new Error('503')));
    await world.run(key);
    assert.ok(world.failures().length > 0);
    assert.deepEqual(world.releaser.upgrades, []);
    world.forge.failRights();
    await world.clock.advance(900_000);
    await world.queue.idle();
    await assertReady(world, key);
  });

  for (const role of ['read', 'triage'] as const) {
    itInWorld(`D3 is blocked when who approves it may only ${role}, whatever else they are`, async (world) => {
      const pull = world.openFork();
      const { key, head } = pull;
      world.forge.people.setRole(key.repositoryId, 'member', role);
      world.forge.people.comment(key, 'member', `/preview approve ${head.revision}`);
      await world.run(key);
      assertUntouched(world, pull);
      await assertHeld(world, key);
      assert.match(world.forge.comment(key) ?? '', /by member, was not taken: its author may not write/);
    });
  }

  itInWorld('D4 waits again after a push, while what was approved keeps running', async (world) => {
    const { key, head } = world.openFork();
    world.approve(key);
    await world.run(key);
    const pushed = world.push(key, { ...app, 'app.txt': 'evil' });
    await world.run(key);
    await assertHeld(world, key);
    assert.ok(!world.source.asked.includes(pushed));
    assert.deepEqual(revisionsBuilt(world), [head.revision]);
    assert.equal(world.namespace(key)?.revision, head.revision);
    assert.match(world.forge.comment(key) ?? '', new RegExp(`Still serving \\[\`${head.revision.slice(0, 7)}`));
    assert.match(
      world.forge.comment(key) ?? '',
      new RegExp(`by mona, is for ${head.revision.slice(0, 7)}, not for this`),
    );

    world.forge.people.change(key, { head });
    await world.run(key);
    await assertReady(world, key);
  });

  itInWorld('D4 is not built when something else is pushed while its build waits for its turn', async (world) => {
    const { key } = world.openFork();
    world.approve(key);
    let pushed = '';
    after(world.queue, 'startBuilds', 1, () => (pushed = world.push(key, { ...app, 'app.txt': 'evil' })));
    await world.run(key);
    await assertHeld(world, key);
    assert.deepEqual(world.builder.builds, []);
    assert.ok(!world.source.asked.includes(pushed));
    assert.deepEqual(await world.queue.builds([...world.builder.images.keys()]), new Map(), 'no failure is remembered');

    world.approve(key);
    await world.run(key);
    await assertReady(world, key);
    assert.deepEqual(revisionsBuilt(world), [pushed]);
  });

  itInWorld(
    'D4 that shares its image with another is built for the other when it may not run itself',
    async (world) => {
      const one = world.openFork();
      const other = world.openFork();
      world.approve(one.key);
      world.approve(other.key);
      const gate = closedGate();
      after(world.queue, 'startBuilds', 2, gate.open);
      const { pullRequest } = world.forge;
      let looks = 0;
      world.forge.pullRequest = async (key, signal) => {
        // Whoever asks after the first pass has, the build above all.
        const isOne = key.number === one.key.number;
        if (isOne) looks += 1;
        if (isOne && looks > 1) await gate.pass(signal);
        return pullRequest(key, signal);
      };
      await world.queue.trigger(one.key);
      await world.until(() => gate.waiting === 2);
      world.close(one.key);
      await world.queue.trigger(other.key);
      await world.queue.idle();
      // The other has waited for a build that was not its own, and begins its own at the second try.
      for (const failure of world.failures()) assert.match(String(failure), /the step "start builds" changed nothing/);
      await world.clock.advance(1_000);
      await world.queue.idle();
      await assertReady(world, other.key);
      assert.deepEqual(revisionsBuilt(world), [other.head.revision]);
      assert.equal(world.namespace(one.key), undefined);
    },
  );

  itInWorld('D7 raises no alarm when its build is refused while its namespace is made', async (world) => {
    const { key } = world.openFork();
    world.approve(key);
    after(world.queue, 'startBuilds', 1, () => demote(world));
    const { prepareNamespace } = world.cluster;
    world.cluster.prepareNamespace = async (...args) => {
      while ((await world.queue.waitingFor(key)).length > 0) await setImmediate();
      return prepareNamespace(...args);
    };
    await world.run(key);
    await assertHeld(world, key);
    assert.deepEqual(world.failures(), []);
  });

  itInWorld('D4 is not built once something newer is approved', async (world) => {
    const { key } = world.openFork();
    world.approve(key);
    let pushed = '';
    after(world.queue, 'startBuilds', 1, () => {
      // The same image, so that nobody cancels the build.
      pushed = world.push(key, app);
      world.approve(key);
    });
    await world.run(key);
    await assertReady(world, key);
    assert.deepEqual(revisionsBuilt(world), [pushed]);
  });

  const pushes: { name: string; schedule(world: TestWorld, push: () => void): void }[] = [
    { name: 'its approval is read', schedule: ({ forge }, push) => after(forge, 'approval', 1, push) },
    { name: 'the right of its approver is read', schedule: ({ forge }, push) => after(forge, 'mayWrite', 1, push) },
    { name: 'its approval is recorded', schedule: ({ forge }, push) => after(forge, 'recordApproval', 1, push) },
    { name: 'its code is fetched', schedule: ({ source }, push) => after(source, 'at', 2, push) },
    { name: 'its image is built', schedule: ({ builder }, push) => after(builder, 'build', 1, push) },
    { name: 'its namespace is made', schedule: ({ cluster }, push) => after(cluster, 'prepareNamespace', 1, push) },
    { name: 'Helm is about to run', schedule: ({ cluster }, push) => after(cluster, 'raiseFence', 1, push) },
  ];
  for (const { name, schedule } of pushes) {
    itInWorld(`D5 is not deployed when something else is pushed as soon as ${name}`, async (world) => {
      const { key } = world.openFork();
      world.approve(key);
      let pushed = '';
      schedule(world, () => (pushed = world.push(key, { ...app, 'app.txt': 'evil' })));
      await world.run(key);
      for (const failure of world.failures()) assert.match(String(failure), /may not run any more/);
      await world.clock.advance(1_000);
      await world.queue.idle();
      assert.notEqual(pushed, '');
      await assertHeld(world, key);
      assert.ok(!world.source.asked.includes(pushed));
      assert.ok(!revisionsBuilt(world).includes(pushed));
      assert.deepEqual(world.releaser.upgrades, []);
      const active = world.forge.deployments(key).filter(({ state }) => state !== 'inactive');
      assert.deepEqual(active, [], 'nothing seems to be going on');
    });
  }

  itInWorld('D6 is blocked by what only looks like an approval, and says why', async (world) => {
    const pull = world.openFork();
    const { key, head } = pull;
    const command = `/preview approve ${head.revision}`;
    const bodies: [string, RegExp][] = [
      [`/preview approve ${head.revision.slice(0, 7)}`, /all 40 digits/],
      [`> ${command}`, /quoted/],
      [`\`\`\`\n${command}\n\`\`\``, /shown as code/],
      [`Please do ${command}`, /other text/],
      [`${command}\n${command}`, /more than one/],
      [command.toUpperCase().replace('/PREVIEW', '/preview'), /lower case/],
      ['/preview approve HEAD', /not a revision/],
      ['/preview go', /no such command/],
    ];
    for (const [body, why] of bodies) {
      world.forge.people.comment(key, maintainer, body);
      await world.run(key);
      assertUntouched(world, pull);
      assert.match(world.forge.comment(key) ?? '', why);
    }
    world.approve(key);
    await world.run(key);
    await assertReady(world, key);
  });

  itInWorld('D6 is blocked when the command was edited into or within a comment', async (world) => {
    const pull = world.openFork();
    const { key, head } = pull;
    const comment = world.forge.people.comment(key, maintainer, 'Nice! What does /preview do?');
    world.forge.people.editComment(key, comment, `/preview approve ${head.revision}`);
    await world.run(key);
    assertUntouched(world, pull);
    assert.match(world.forge.comment(key) ?? '', /by mona, was not taken: its comment was edited/);
  });

  itInWorld('D6 keeps running when its approval is edited or buried after it was recorded', async (world) => {
    const { key } = world.openFork();
    const comment = world.approve(key);
    await world.run(key);
    world.forge.people.editComment(key, comment, 'never mind');
    world.forge.people.comment(key, 'stranger', '/preview approve nothing');
    await world.run(key);
    await assertReady(world, key);
  });

  const losses: { when: string; schedule(world: TestWorld, lose: () => void): void; builds: number }[] = [
    {
      when: 'while its build waits for its turn',
      schedule: ({ queue }, lose) => after(queue, 'startBuilds', 1, lose),
      builds: 0,
    },
    { when: 'while it is built', schedule: ({ builder }, lose) => after(builder, 'build', 1, lose), builds: 1 },
    {
      when: 'when Helm is about to run',
      schedule: ({ cluster }, lose) => after(cluster, 'raiseFence', 1, lose),
      builds: 1,
    },
  ];
  for (const { when, schedule, builds } of losses) {
    itInWorld(`D7 is not deployed when its approver loses the right ${when}`, async (world) => {
      const { key, head } = world.openFork();
      world.approve(key);
      schedule(world, () => demote(world));
      await world.run(key);
      for (const failure of world.failures()) assert.match(String(failure), /may not run any more/);
      await world.clock.advance(1_000);
      await world.queue.idle();
      await assertHeld(world, key);
      assert.equal(world.builder.builds.length, builds);
      assert.deepEqual(world.releaser.upgrades, []);
      assert.match(world.forge.comment(key) ?? '', /by mona, does not count any more: its author may not write/);

      world.forge.people.setRole(key.repositoryId, 'lisa', 'maintain');
      world.forge.people.comment(key, 'lisa', `/preview approve ${head.revision}`);
      await world.run(key);
      await assertReady(world, key);
      assert.match(world.forge.comment(key) ?? '', /approved by lisa/);
    });
  }

  itInWorld('D7 keeps what runs when its approver loses the right later, and says so', async (world) => {
    const { key, head } = world.openFork();
    world.approve(key);
    await world.run(key);
    demote(world);
    await world.run(key);
    await assertHeld(world, key);
    assert.equal(world.namespace(key)?.revision, head.revision);
    assert.equal(world.releaser.upgrades.length, 1);
  });

  itInWorld('is confined again while it is held and somebody loosens what confines it', async (world) => {
    const { key, head } = world.openFork();
    world.approve(key);
    await world.run(key);
    world.push(key, { ...app, 'app.txt': 'evil' });
    world.cluster.loosen(world.name(key));
    await world.run(key);
    await assertHeld(world, key);
    assert.equal(world.namespace(key)?.preparedFor?.trust, 'untrusted');
    assert.equal(world.namespace(key)?.revision, head.revision);
  });

  itInWorld('D8 that was deleted needs an approval all the same, and is torn down', async (world) => {
    const pull = world.openFork(app, true);
    const { key } = pull;
    await world.run(key);
    assertUntouched(world, pull);
    world.approve(key);
    await world.run(key);
    await assertReady(world, key);
    world.close(key);
    await world.run(key);
    assert.equal(world.namespace(key), undefined);
    assert.match(world.forge.comment(key) ?? '', /The preview is removed/);
  });

  itInWorld('D8 that is deleted while it waits or runs changes nothing of what was approved', async (world) => {
    const { key, head } = world.openFork();
    world.approve(key);
    await world.run(key);
    world.forge.people.change(key, { head: { ...head, repositoryId: undefined } });
    await world.run(key);
    await assertReady(world, key);
    assert.equal(world.builder.builds.length, 1);
  });

  itInWorld(
    'D9 takes manifest, chart and values from the base branch, and only the code from the fork',
    async (world) => {
      const base = { ...app, ...chart, '.berth.yaml': `${routes}valuesFiles: [values.yaml]\n` };
      world.pushBase(base);
      const { key } = world.openFork({
        ...app,
        'chart/Chart.yaml': 'name: evil',
        'chart/templates/a.yaml': 'evil',
        'values.yaml': 'from: evil',
        '.berth.yaml':
          'images: { web: { from: "evil.test/miner:latest" } }\nvalues: { from: evil }\nwhen: { label: never }\n',
      });
      world.approve(key);
      await world.run(key);
      await assertReady(world, key);
      const [upgrade] = world.releaser.upgrades;
      assert.deepEqual(upgrade?.valuesTexts, ['from: base']);
      assert.equal(upgrade.values['from'], undefined);
      assert.equal(world.builder.builds.length, 1);

      world.pushBase({ ...base, 'values.yaml': 'from: a newer base' });
      await world.run(key);
      assert.deepEqual(world.releaser.upgrades.at(-1)?.valuesTexts, ['from: a newer base']);
      assert.equal(world.builder.builds.length, 1);
    },
  );

  itInWorld('D9 is not said to wait for approval when the base branch does not ask for it', async (world) => {
    world.pushBase({ ...app, '.berth.yaml': 'when: { label: preview }\n' });
    const pull = world.openFork({ ...app, '.berth.yaml': 'when: {}\n' });
    const { key } = pull;
    world.approve(key);
    await world.run(key);
    assertUntouched(world, pull);
    assert.equal(world.forge.comment(key), undefined);
    assert.deepEqual(world.forge.approvals(key), []);
    world.label(key, 'preview');
    await world.run(key);
    await assertReady(world, key);
  });

  itInWorld(
    "D9 with a mistake in the base branch's manifest is told of it once approved, at the base's place",
    async (world) => {
      const tip = world.pushBase({ ...app, '.berth.yaml': 'imags: {}\n' });
      const pull = world.openFork();
      const { key } = pull;
      await world.run(key);
      await assertHeld(world, key);
      world.approve(key);
      await world.run(key);
      assert.ok(!world.source.asked.includes(pull.head.revision));
      assert.ok(world.forge.comment(key)?.includes(`/blob/${tip}/.berth.yaml#L1`));
    },
  );

  itInWorld('is told when its base branch is gone', async (world) => {
    const pull = world.openFork();
    const { key } = pull;
    world.forge.people.deleteBranch(key.repositoryId, 'main');
    world.approve(key);
    await world.run(key);
    assert.equal((await world.status(key))?.phase, 'Failed');
    assert.match(world.forge.comment(key) ?? '', /There is no branch/);
    world.pushBase(app);
    await world.run(key);
    await assertReady(world, key);
  });
});
