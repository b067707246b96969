/** What happens to a preview. */
import type { PreviewKey } from '../../src/domain/preview.ts';
import type { FaultWorld } from './world.ts';

export type Change = (world: FaultWorld, key: PreviewKey) => void;

export interface Story {
  readonly name: string;
  /** What happened before, with a worker that lives. */
  readonly before: readonly Change[];
  readonly act: Change;
  readonly isFork?: true;
}

export const nothing: Change = () => undefined;
export const close: Change = ({ forge }, key) => forge.people.change(key, { state: 'closed' });
const reopen: Change = ({ forge }, key) => forge.people.change(key, { state: 'open' });
/** What a stranger pushes is approved as well, so that it is known where it ends. */
export const push: Change = (world, key) => {
  world.push(key, { fate: 'ready', variant: 2 });
  if (world.forge.current(key)?.head.repositoryId !== key.repositoryId) approve(world, key);
};
const approve: Change = ({ approvals, forge }, key) => {
  approvals.command(key, 'mona', forge.current(key)?.head.revision ?? '');
};
const hook: Change = ({ releaser }) => releaser.deleteHooks(true);
const lock: Change = (world, key) => {
  world.namespaces(key)[0]?.helm.push({ version: 2, status: 'pending-upgrade' });
};

export const stories: readonly Story[] = [
  { name: 'a first push', before: [], act: nothing },
  { name: 'a push', before: [nothing], act: push },
  { name: 'a push on a locked release', before: [nothing, lock], act: push },
  { name: 'a removal', before: [nothing], act: close },
  { name: 'a reopening', before: [nothing, close], act: reopen },
  { name: 'a removal with delete hooks', before: [hook], act: close },
  { name: 'a first approval', isFork: true, before: [], act: approve },
  { name: 'an approval', isFork: true, before: [nothing], act: approve },
  { name: 'an approved push', isFork: true, before: [approve], act: push },
  { name: "a removal of a stranger's preview", isFork: true, before: [approve], act: close },
];
