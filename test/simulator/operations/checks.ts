import { timestamp } from '../resources/identity.ts';
import { checkRunPayload } from '../resources/check-run.ts';
import type { Annotation, CheckAction, CheckRun, Repository, User } from '../world/entities.ts';
import { announce, type Stage } from './stage.ts';

/** The body of the two requests that write a check run. */
export interface CheckRunInput {
  readonly name?: string;
  readonly head_sha?: string;
  readonly external_id?: string;
  readonly details_url?: string;
  readonly status?: string;
  readonly conclusion?: string;
  readonly started_at?: string;
  readonly completed_at?: string;
  readonly output?: {
    readonly title?: string;
    readonly summary?: string;
    readonly text?: string;
    readonly annotations?: readonly Annotation[];
  };
  readonly actions?: readonly CheckAction[];
}

export function createCheckRun(
  stage: Stage,
  repository: Repository,
  sha: string,
  name: string,
  input: CheckRunInput,
): CheckRun {
  const { world } = stage;
  const createdAt = world.now();
  const sameCommit = [...repository.checkRuns.values()].find((run) => run.sha === sha);
  const run: CheckRun = {
    id: world.nextId(),
    suiteId: sameCommit?.suiteId ?? world.nextId(),
    sha,
    createdAt,
    name,
    externalId: '',
    detailsUrl: undefined,
    status: 'queued',
    conclusion: null,
    startedAt: timestamp(createdAt),
    completedAt: null,
    output: { title: null, summary: null, text: null },
    annotations: [],
    actions: [],
  };
  repository.checkRuns.set(run.id, run);
  write(stage, run, input);
  tell(stage, repository, run, 'created', world.bot);
  if (run.status === 'completed') tell(stage, repository, run, 'completed', world.bot);
  return run;
}

export function updateCheckRun(stage: Stage, repository: Repository, run: CheckRun, input: CheckRunInput): void {
  const before = run.status;
  write(stage, run, input);
  if (before !== 'completed' && run.status === 'completed') tell(stage, repository, run, 'completed', stage.world.bot);
  else stage.world.changed();
}

/** A person presses one of the buttons that the app put on its check run. */
export function requestAction(
  stage: Stage,
  repository: Repository,
  run: CheckRun,
  identifier: string,
  user: User,
): void {
  if (!run.actions.some((action) => action.identifier === identifier)) {
    throw new Error(`check run ${run.name} has no action ${identifier}`);
  }
  tell(stage, repository, run, 'requested_action', user, { requested_action: { identifier } });
}

/** A person presses "Re-run". */
export function rerequestCheckRun(stage: Stage, repository: Repository, run: CheckRun, user: User): void {
  tell(stage, repository, run, 'rerequested', user);
}

function write({ world }: Stage, run: CheckRun, input: CheckRunInput): void {
  if (input.name !== undefined) run.name = input.name;
  if (input.external_id !== undefined) run.externalId = input.external_id;
  if (input.details_url !== undefined) run.detailsUrl = input.details_url;
  if (input.started_at !== undefined) run.startedAt = input.started_at;
  if (input.status !== undefined) {
    run.status = input.status;
    if (input.status !== 'completed') Object.assign(run, { conclusion: null, completedAt: null });
  }
  // Giving a conclusion completes the run, whatever the status says.
  if (input.conclusion !== undefined) {
    run.status = 'completed';
    run.conclusion = input.conclusion;
    run.completedAt = input.completed_at ?? timestamp(world.now());
  }
  if (input.output) {
    const { title, summary, text, annotations } = input.output;
    run.output = {
      title: title ?? run.output.title,
      summary: summary ?? run.output.summary,
      text: text ?? run.output.text,
    };
    run.annotations.push(...(annotations ?? []));
  }
  if (input.actions) run.actions = input.actions;
}

function tell(
  stage: Stage,
  repository: Repository,
  run: CheckRun,
  action: string,
  sender: User,
  more: Readonly<Record<string, unknown>> = {},
): void {
  announce(
    stage,
    repository,
    'check_run',
    { action, check_run: checkRunPayload(stage.world, repository, run), ...more },
    sender,
  );
}
