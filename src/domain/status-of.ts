/** Derives what is said about a preview from what is desired, what is observed and what comes next. */
import type { Plan } from './plan.ts';
import type { Desired, Diagnosis, Observed, PreviewKey, PullRequest, Step } from './preview.ts';
import type { ForkStatus, Phase, Status } from './status.ts';

/** Everything that a status is derived from. `pullRequest` is `undefined` when the forge does not know it (any more). */
export interface Situation {
  readonly key: PreviewKey;
  readonly pullRequest: PullRequest | undefined;
  readonly desired: Desired;
  readonly observed: Observed;
  readonly step: Step;
  /** Why waiting was given up, when it was. */
  readonly overdue?: Diagnosis | undefined;
}

/** The status of a preview; equal situations give equal statuses. */
export function statusOf(situation: Situation): Status {
  const { key, pullRequest, desired, observed, step } = situation;
  const revision = desired.state === 'absent' ? undefined : desired.revision;
  const plan = desired.state === 'present' ? desired.plan : undefined;
  const { namespace } = observed;
  const fork = forkOf(desired, pullRequest);
  return {
    key,
    ...phaseOf(situation),
    revision,
    serving: step.do === 'record revision' ? revision : namespace.state === 'active' ? namespace.revision : undefined,
    urls: plan?.routes.map(({ name, url }) => ({ name, url })) ?? [],
    images:
      plan?.images.map(({ name }) => {
        const state = observed.images.get(name)?.state ?? 'absent';
        return { name, state: state === 'absent' ? ('waiting' as const) : state };
      }) ?? [],
    pullRequest: {
      url: pullRequest?.url ?? '',
      title: pullRequest?.title ?? '',
      repository: pullRequest ? `${pullRequest.repository.owner}/${pullRequest.repository.name}` : '',
    },
    ...(fork && { fork }),
  };
}

function forkOf(desired: Desired, pullRequest: PullRequest | undefined): ForkStatus | undefined {
  if (desired.state === 'present' && desired.approvedBy !== undefined) {
    return { state: 'approved', by: desired.approvedBy };
  }
  if (desired.state !== 'held' || !pullRequest) return undefined;
  const { head, base } = pullRequest;
  return { state: 'waiting', branch: head.branch, baseBranch: base.branch, objection: desired.objection };
}

/** What is waited for only so long; builds have a time of their own. */
export type Bounded = Exclude<(Step & { readonly do: 'wait' })['for'], 'builds'>;

/** The sentence for a wait that took longer than it may. */
export function overdueDiagnosis(awaited: Bounded, observed: Observed, waited: string): Diagnosis {
  switch (awaited) {
    case 'workloads': {
      const { workloads } = observed;
      const detail = workloads.state === 'progressing' ? `: ${lowerFirst(workloads.message)}` : '.';
      return { reason: 'NotReadyInTime', message: `The preview did not become ready within ${waited}${detail}` };
    }
    case 'namespace': {
      const { namespace } = observed;
      const holder = namespace.state === 'terminating' ? namespace.heldBy : undefined;
      const message = holder
        ? `The namespace cannot be removed: ${lowerFirst(holder)}`
        : `The namespace is still being removed after ${waited}.`;
      return { reason: 'NamespaceStuck', message };
    }
    case 'images':
      return { reason: 'ImageMissing', message: `An image that is built elsewhere did not appear within ${waited}.` };
  }
}

type Word = { readonly phase: Phase; readonly message: string; readonly diagnosis: Diagnosis | undefined };

function phaseOf({ desired, observed, step, overdue }: Situation): Word {
  if (overdue) return { phase: 'Failed', message: overdue.message, diagnosis: overdue };
  if (step.do === 'stall') return { phase: 'Failed', message: step.diagnosis.message, diagnosis: step.diagnosis };
  switch (desired.state) {
    case 'absent':
      return observed.namespace.state === 'absent' || observed.namespace.state === 'foreign'
        ? word('Removed', absentMessage[desired.why])
        : word('Removing', 'The preview is being removed.');
    case 'held':
      return word(
        'Held',
        'This revision comes from a fork: nothing of it is fetched, built or run before somebody who may write to the repository has approved it on the pull request.',
      );
    case 'invalid':
      return { phase: 'Failed', message: desired.diagnosis.message, diagnosis: desired.diagnosis };
    case 'present':
      return troubleOf(desired.plan, observed) ?? word(...progressOf(step, desired.plan));
  }
}

/** The first build that an outage keeps from being built. Nobody's fault who reads this, so nothing has failed. */
function troubleOf({ images }: Plan, observed: Observed): Word | undefined {
  for (const { name } of images) {
    const state = observed.images.get(name);
    if (state?.state !== 'building' || state.trouble === undefined) continue;
    const why = state.trouble.replace(/[.\s]+$/, '');
    return word('Building', `The image ${name} could not be built yet: ${why}. Berth will try again.`);
  }
  return undefined;
}

/**
 * The words change with the phase and not with every step: each change is a request to GitHub, whose patience is
 * limited. What happens in between is in the log.
 */
function progressOf(step: Step, plan: Plan): [Phase, string] {
  switch (step.do) {
    case 'nothing':
    // What is recorded is that it is ready.
    case 'record revision':
      return ['Ready', 'The preview is ready.'];
    case 'cancel builds':
    case 'create namespace':
    case 'start builds':
      return building(plan);
    case 'unlock release':
    case 'upgrade release':
      return deploying;
    case 'delete namespace':
      return ['Removing', 'The preview is being removed.'];
    case 'wait':
      return waitingFor(step.for, plan);
    case 'stall':
      return ['Failed', step.diagnosis.message];
  }
}

function waitingFor(what: (Step & { do: 'wait' })['for'], plan: Plan): [Phase, string] {
  switch (what) {
    case 'builds':
      return building(plan);
    case 'images':
      return ['Building', 'Waiting for an image that is built elsewhere.'];
    case 'namespace':
      return ['Building', 'Waiting for the previous namespace to go.'];
    case 'workloads':
      return deploying;
  }
}

const deploying: [Phase, string] = ['Deploying', 'The chart is being installed and its pods started.'];

function building({ images }: Plan): [Phase, string] {
  const names = images.flatMap(({ kind, name }) => (kind === 'build' ? [name] : []));
  // Nothing to build here: the first word is already the last one before the preview is ready.
  if (names.length === 0) return deploying;
  return [
    'Building',
    names.length === 1 ? `Building the image ${names[0]}.` : `Building the images ${names.join(', ')}.`,
  ];
}

const absentMessage = {
  closed: 'The pull request is closed; its preview has been removed.',
  'not requested': 'The manifest asks for no preview of this pull request.',
  'switched off': 'The preview is switched off by the label `preview:off`.',
  expired: 'The preview has expired.',
} as const;

function word(phase: Phase, message: string): Word {
  return { phase, message, diagnosis: undefined };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
