/** The decision: given what should be and what is, the one thing to do next. Pure; the whole policy of Berth. */
import { planDigest, type Plan } from './plan.ts';
import type { Desired, Observed, Step } from './preview.ts';

/** The next step. Repeating it until `nothing`, `wait` or `stall` brings the world to what is desired. */
export function nextStep(desired: Desired, observed: Observed): Step {
  const keep = desired.state === 'present' ? buildRefs(desired.plan) : [];
  if (observed.builds.some((ref) => !keep.includes(ref))) return { do: 'cancel builds', keep };
  switch (desired.state) {
    case 'absent':
      return stepToAbsent(observed);
    case 'held':
      return repairOf(observed) ?? { do: 'nothing' };
    case 'invalid':
      return repairOf(observed) ?? { do: 'stall', diagnosis: desired.diagnosis };
    case 'present':
      return stepToPresent(desired.plan, observed);
  }
}

/** What goes on running without being wanted anew stays confined as it was. */
function repairOf({ namespace }: Observed): Step | undefined {
  return namespace.state === 'active' && !namespace.prepared ? { do: 'create namespace' } : undefined;
}

function stepToAbsent(observed: Observed): Step {
  switch (observed.namespace.state) {
    case 'absent':
    case 'foreign':
      return { do: 'nothing' };
    case 'active':
      return { do: 'delete namespace' };
    case 'terminating':
      return { do: 'wait', for: 'namespace' };
  }
}

function stepToPresent(plan: Plan, observed: Observed): Step {
  const { namespace } = observed;
  switch (namespace.state) {
    case 'foreign': {
      const message = `The namespace ${namespace.name} exists and does not belong to Berth; remove or rename it.`;
      return { do: 'stall', diagnosis: { reason: 'NamespaceTaken', message } };
    }
    case 'terminating':
      return { do: 'wait', for: 'namespace' };
    case 'active':
      if (!namespace.prepared) return { do: 'create namespace' };
      break;
    case 'absent':
  }
  const digests = new Map<string, string>();
  const toBuild: string[] = [];
  let waitFor: 'builds' | 'images' | undefined;
  for (const image of plan.images) {
    const state = observed.images.get(image.name) ?? { state: 'absent' };
    switch (state.state) {
      case 'failed':
        return { do: 'stall', diagnosis: state.diagnosis };
      case 'built':
        digests.set(image.name, state.digest);
        break;
      case 'building':
        waitFor = 'builds';
        break;
      case 'absent':
        if (image.kind === 'build') toBuild.push(image.name);
        else waitFor ??= 'images';
    }
  }
  // Builds take longest and need no namespace.
  if (toBuild.length > 0) return { do: 'start builds', images: toBuild };
  if (namespace.state === 'absent') return { do: 'create namespace' };
  if (waitFor) return { do: 'wait', for: waitFor };
  return stepToServe(plan, digests, observed, namespace.revision);
}

function stepToServe(
  plan: Plan,
  digests: ReadonlyMap<string, string>,
  observed: Observed,
  servedRevision: string | undefined,
): Step {
  const { release, workloads } = observed;
  const wanted = planDigest(plan, digests);
  switch (release.state) {
    case 'pending':
      return { do: 'unlock release' };
    case 'absent':
    case 'interrupted':
      return { do: 'upgrade release', planDigest: wanted };
    case 'failed':
      if (release.planDigest !== wanted) return { do: 'upgrade release', planDigest: wanted };
      return { do: 'stall', diagnosis: release.diagnosis };
    case 'deployed':
      if (release.planDigest !== wanted) return { do: 'upgrade release', planDigest: wanted };
  }
  switch (workloads.state) {
    case 'progressing':
      return { do: 'wait', for: 'workloads' };
    case 'failing':
      return { do: 'stall', diagnosis: workloads.diagnosis };
    case 'none':
    case 'ready':
      return servedRevision === plan.revision ? { do: 'nothing' } : { do: 'record revision' };
  }
}

function buildRefs(plan: Plan): readonly string[] {
  return plan.images.flatMap((image) => (image.kind === 'build' ? [image.ref] : []));
}
