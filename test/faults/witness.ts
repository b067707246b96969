/** Sees every call of every pass, and keeps what must never happen, however right the world looks afterwards. */
import { desiredWithoutCode } from '../../src/domain/desired.ts';
import { keyId, type PreviewKey, type PullRequest, type Trust } from '../../src/domain/preview.ts';
import type { BuildJob, NamespaceRequest, ReleaseRequest } from '../../src/ports.ts';
import type { FakeCluster } from '../fakes/cluster.ts';
import type { FakeForge } from '../fakes/forge.ts';
import type { Approvals } from './approvals.ts';
import type { Code } from './code.ts';
import type { Call } from './interposed.ts';

interface RightToRun {
  look(): void;
  wasSeen(): boolean;
}

export interface Witness {
  /** What was done that must not be done, each as one line. */
  readonly crimes: readonly string[];
  /** A pass over the preview begins; the answer is to be told of its calls. */
  pass(key: PreviewKey): (call: Call) => void;
  /** A build begins. */
  build(job: BuildJob): (call: Call) => void;
}

export function witnessOf(forge: FakeForge, { world }: FakeCluster, code: Code, approvals: Approvals): Witness {
  const crimes: string[] = [];
  const ownerOf = (namespace: string) => world.namespaces.get(namespace)?.key;

  /** Whom a call that writes is about, `undefined` for one that only reads. */
  function subjectOf({ name, args }: Call): PreviewKey | undefined {
    const [first] = args;
    switch (name) {
      case 'forge.writeComment':
      case 'forge.writeDeployment':
      case 'forge.retireDeployments':
      case 'queue.trigger':
      case 'queue.startBuilds':
      case 'queue.cancelBuilds':
      case 'store.saveStatus':
        return first as PreviewKey;
      case 'cluster.prepareNamespace':
        return (first as { readonly key: PreviewKey }).key;
      case 'releaser.upgrade':
        return ownerOf((first as { readonly namespace: string }).namespace);
      case 'cluster.raiseFence':
      case 'cluster.recordRelease':
      case 'cluster.recordRevision':
        return ownerOf((first as { readonly name: string }).name);
      case 'cluster.deleteNamespace':
      case 'releaser.unlock':
      case 'releaser.uninstall':
        return ownerOf(first as string);
      default:
        return undefined;
    }
  }

  return {
    crimes,
    pass(key) {
      const looks: boolean[] = [];
      let revision: string | undefined;
      let mayRun: RightToRun | undefined;
      return (call) => {
        if (call.name === 'source.at') revision = call.args[1] as string;
        if (call.name === 'cluster.observe') mayRun = rightToRun(key, revision);
        mayRun?.look();
        if (call.name === 'releaser.upgrade' && isFork(key) && mayRun?.wasSeen() === false) {
          crimes.push(`${keyId(key)} is deployed, and had lost its right to run since the cluster was last looked at`);
        }
        const subject = subjectOf(call);
        if (subject && keyId(subject) !== keyId(key)) {
          crimes.push(`${call.name} about ${keyId(subject)} while at work on ${keyId(key)}`);
        }
        for (const crime of trustCrimesOf(key, call)) crimes.push(`${crime}, for ${keyId(key)}`);
        if (call.name === 'forge.pullRequest' || call.name === 'forge.branchRevision')
          looks.push(isWanted(forge.current(key)));
        if (call.name === 'cluster.deleteNamespace' && looks.every((wasWanted) => wasWanted)) {
          crimes.push(`the namespace of ${keyId(key)} is deleted, and was wanted at every look`);
        }
      };
    },
    build(job) {
      const mayRun = rightToRun(job.key, job.revision);
      return (call) => {
        mayRun.look();
        if (call.name !== 'builder.build' || job.trust === 'trusted' || mayRun.wasSeen()) return;
        crimes.push(`${job.revision} is built, and had lost its right to run when its turn came`);
      };
    },
  };

  function isFork(key: PreviewKey): boolean {
    return forge.current(key)?.head.repositoryId !== key.repositoryId;
  }

  /** Whether the revision could be seen to be allowed to run since. */
  function rightToRun(key: PreviewKey, revision: string | undefined): RightToRun {
    let wasHead = false;
    let wasApproved = false;
    return {
      look() {
        const pull = forge.current(key);
        wasHead ||= pull !== undefined && !desiredWithoutCode(pull) && pull.head.revision === revision;
        wasApproved ||= revision !== undefined && approvals.isApproved(key, revision);
      },
      wasSeen: () => wasHead && wasApproved,
    };
  }

  /** What is done with a stranger's code that nobody has approved, or as if it were trusted. */
  function trustCrimesOf(key: PreviewKey, { name, args }: Call): readonly string[] {
    if (!isFork(key)) return [];
    const crimes: string[] = [];
    const mustBeApproved = (revision: string, what: string) => {
      if (!approvals.wasApproved(key, revision)) crimes.push(`${what} ${revision}, which nobody approved`);
    };
    const mustBeUntrusted = (trust: Trust, what: string) => {
      if (trust !== 'untrusted') crimes.push(`${what} as ${trust}`);
    };
    switch (name) {
      case 'source.at': {
        const revision = args[1] as string;
        if (!code.isBase(revision)) mustBeApproved(revision, 'fetches');
        return crimes;
      }
      case 'queue.startBuilds':
        for (const { key: its, revision, trust } of args[1] as readonly BuildJob[]) {
          mustBeApproved(revision, 'has built');
          mustBeUntrusted(trust, 'has built');
          if (keyId(its) !== keyId(key)) crimes.push(`has built in the name of ${keyId(its)}`);
        }
        return crimes;
      case 'cluster.prepareNamespace':
        mustBeUntrusted((args[0] as NamespaceRequest).trust, 'prepares a namespace');
        return crimes;
      case 'releaser.upgrade': {
        const { values, trust } = args[0] as ReleaseRequest;
        const { berth } = values['global'] as { readonly berth: { readonly revision: string } };
        mustBeApproved(berth.revision, 'deploys');
        mustBeUntrusted(trust, 'deploys');
        return crimes;
      }
      default:
        return crimes;
    }
  }

  function isWanted(pull: PullRequest | undefined): boolean {
    if (!pull || desiredWithoutCode(pull)) return false;
    return !isOnRequest(pull) || pull.labels.includes('wanted');
  }

  function isOnRequest({ head, repository }: PullRequest): boolean {
    if (head.repositoryId === repository.id) return code.contentOf(head.revision).fate === 'on request';
    return code.baseOf(forge.tip(repository.id, 'main')) === 'on request';
  }
}
