/** What people do on GitHub, and what becomes of its webhooks. */
import type { PreviewKey, PullRequest } from '../../src/domain/preview.ts';
import { bases, type Content, type Fate, fates } from './code.ts';
import type { Random } from './random.ts';
import { type FaultWorld, maintainers } from './world.ts';

export interface People {
  /** Everything that was ever opened. */
  readonly keys: readonly PreviewKey[];
  /** Does one thing, and says what. */
  act(): string;
}

/** As many that the schedule stays short, and they get into each other's way. */
const maxPullRequests = 6;
const forkId = 77;
const strangers = ['mallory', 'eve'] as const;

export function peopleIn(world: FaultWorld, random: Random): People {
  const { forge, queue, code } = world;
  const repositories = ['shop', 'blog'].map((name) => world.addRepository(name));
  const pulls = new Map<PreviewKey, { pull: PullRequest; readonly revisions: string[] }>();
  const commands: { readonly key: PreviewKey; readonly url: string }[] = [];

  const content = (): Content => {
    const fate: Fate = random.chance(0.6) ? 'ready' : random.pick(fates);
    return { fate, variant: random.below(4) };
  };
  /** Webhooks are lost, late, repeated and overtaken. */
  const deliver = (key: PreviewKey): string => {
    const copies = random.pick([0, 1, 1, 1, 2]);
    const lateness: string[] = [];
    for (let copy = 0; copy < copies; copy += 1) {
      const delayMs = random.chance(0.7) ? 0 : random.below(5_000);
      lateness.push(`${delayMs} ms`);
      world.clock.after(delayMs, () => void queue.trigger(key));
    }
    return copies === 0 ? 'nobody hears of it' : `heard of after ${lateness.join(' and ')}`;
  };
  const pushed = (revision: string, { fate }: Content): void => {
    if (fate === 'built elsewhere') world.clock.after(random.below(120_000), () => code.buildElsewhere(revision));
  };
  const hide = (key: PreviewKey, forMs: number): void => {
    forge.people.hide(key, true);
    world.clock.after(forMs, () => forge.people.hide(key, false));
  };
  const open = (): string => {
    const isFork = random.chance(0.35);
    const made = content();
    const pull = world.openPullRequest(random.pick(repositories), made, isFork ? forkId : undefined);
    pulls.set(pull.key, { pull, revisions: [pull.head.revision] });
    pushed(pull.head.revision, made);
    // Its event may be faster than GitHub's replicas.
    if (random.chance(0.3)) hide(pull.key, random.below(5_000));
    return `${nameOf(pull.key)} is opened${isFork ? ' from a fork' : ''} (${made.fate} ${made.variant}), ${deliver(pull.key)}`;
  };
  const change = (key: PreviewKey, what: string, by: Partial<PullRequest>): string => {
    const known = pulls.get(key);
    if (known) known.pull = { ...known.pull, ...by };
    forge.people.change(key, by);
    return `${nameOf(key)} ${what}, ${deliver(key)}`;
  };

  return {
    get keys() {
      return [...pulls.keys()];
    },
    act() {
      if (pulls.size === 0 || (pulls.size < maxPullRequests && random.chance(0.25))) return open();
      const key = random.pick([...pulls.keys()]);
      const known = pulls.get(key);
      if (!known) throw new Error(`${nameOf(key)} was never opened`);
      const { pull, revisions } = known;
      const isFork = pull.head.repositoryId !== pull.repository.id;
      const what = random.weighted({
        push: 5,
        back: 1,
        close: 3,
        labels: 2,
        title: 1,
        hide: 0.7,
        comment: 0.7,
        deploy: 0.7,
        approve: isFork ? 14 : 0.1,
        edit: isFork ? 2 : 0,
        role: isFork ? 4 : 0.3,
        silence: 0.3,
        base: 0.7,
        'delete fork': 0.2,
      });
      switch (what) {
        case 'push': {
          const made = content();
          const revision = code.commit(pull.repository.id, made, pull.head.repositoryId ?? 0);
          revisions.push(revision);
          pushed(revision, made);
          return change(key, `gets ${revision.slice(0, 7)} (${made.fate} ${made.variant})`, {
            head: { ...pull.head, revision },
          });
        }
        case 'back': {
          const revision = random.pick(revisions);
          return change(key, `goes back to ${revision.slice(0, 7)}`, { head: { ...pull.head, revision } });
        }
        case 'close':
          return pull.state === 'open'
            ? change(key, 'is closed', { state: 'closed' })
            : change(key, 'is reopened', { state: 'open' });
        case 'labels': {
          const labels = ['preview:off', 'wanted', 'bug'].filter(() => random.chance(0.35));
          return change(key, `is labelled ${labels.join(', ') || 'nothing'}`, { labels });
        }
        case 'title':
          return change(key, 'gets another title', { title: `Title ${random.below(100)}` });
        case 'hide': {
          const forMs = random.below(45_000);
          hide(key, forMs);
          return `${nameOf(key)} is not found for ${forMs} ms`;
        }
        case 'comment':
          if (random.chance(0.5) || pull.state === 'closed') {
            forge.people.deleteComment(key);
            return `somebody deletes the comment of ${nameOf(key)}`;
          }
          forge.people.duplicateComment(key);
          return `${nameOf(key)} has its comment twice`;
        case 'approve': {
          const author = random.pick([...maintainers, ...maintainers, ...strangers]);
          const revision = random.chance(0.8) ? pull.head.revision : random.pick(revisions);
          if (random.chance(0.15)) {
            forge.people.comment(key, author, `> /preview approve ${revision}`);
            return `${author} quotes the command on ${nameOf(key)}, ${deliver(key)}`;
          }
          commands.unshift({ key, url: world.approvals.command(key, author, revision) });
          return `${author} approves ${revision.slice(0, 7)} on ${nameOf(key)}, ${deliver(key)}`;
        }
        case 'edit': {
          if (commands.length === 0) return 'nobody finds a command to edit';
          const { key: its, url } = random.pick(commands.slice(0, 4));
          world.approvals.edit(its, url);
          return `somebody edits a command on ${nameOf(its)}, ${deliver(its)}`;
        }
        case 'role': {
          const approver = forge.approvals(key).at(-1)?.by;
          const who = [...maintainers, ...strangers];
          const login = approver !== undefined && random.chance(0.5) ? approver : random.pick(who);
          const role = random.pick(['write', 'read'] as const);
          world.approvals.setRole(key.repositoryId, login, role);
          return `${login} may ${role} ${key.repositoryId} from now on`;
        }
        case 'silence': {
          const forMs = random.below(120_000);
          forge.failRights(new Error('nobody says who may write'));
          world.clock.after(forMs, () => forge.failRights());
          return `GitHub does not say who may write for ${forMs} ms`;
        }
        case 'base': {
          const base = random.chance(0.5) ? 'plain' : random.pick(bases);
          world.pushBase(key.repositoryId, base);
          return `the base branch of ${key.repositoryId} is ${base} from now on`;
        }
        case 'delete fork':
          if (!isFork) return 'there is no fork to delete';
          return change(key, 'loses its fork', { head: { ...pull.head, repositoryId: undefined } });
        case 'deploy':
          // Once it is closed and settled, nobody looks at it any more.
          if (pull.state === 'closed') return 'nobody marks the deployments of a closed pull request active';
          forge.people.activateDeployments(key);
          return `somebody marks the deployments of ${nameOf(key)} active`;
      }
    },
  };
}

export function nameOf({ repositoryId, number }: PreviewKey): string {
  return `${repositoryId}#${number}`;
}
