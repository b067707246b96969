/** Sees every call of every pass, and keeps what must never happen, however right the world looks afterwards. */
import { desiredWithoutCode } from '../../src/domain/desired.ts';
import { keyId, type PreviewKey, type PullRequest } from '../../src/domain/preview.ts';
import type { FakeCluster } from '../fakes/cluster.ts';
import type { FakeForge } from '../fakes/forge.ts';
import type { Code } from './code.ts';
import type { Call } from './interposed.ts';

export interface Witness {
  /** What was done that must not be done, each as one line. */
  readonly crimes: readonly string[];
  /** A pass over the preview begins; the answer is to be told of its calls. */
  pass(key: PreviewKey): (call: Call) => void;
}

export function witnessOf(forge: FakeForge, { world }: FakeCluster, code: Code): Witness {
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
      return (call) => {
        const subject = subjectOf(call);
        if (subject && keyId(subject) !== keyId(key)) {
          crimes.push(`${call.name} about ${keyId(subject)} while at work on ${keyId(key)}`);
        }
        if (call.name === 'forge.pullRequest') looks.push(isWanted(forge.current(key)));
        if (call.name === 'cluster.deleteNamespace' && looks.every((wasWanted) => wasWanted)) {
          crimes.push(`the namespace of ${keyId(key)} is deleted, and was wanted at every look`);
        }
      };
    },
  };

  function isWanted(pull: PullRequest | undefined): boolean {
    if (!pull || desiredWithoutCode(pull)) return false;
    return code.contentOf(pull.head.revision).fate !== 'on request' || pull.labels.includes('wanted');
  }
}
