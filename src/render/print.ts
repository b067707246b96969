/** How a rendering is told: YAML that can be read and applied, or JSON that programs can take apart. */
import { Document, visit } from 'yaml';
import { shortRevision } from '../domain/comment.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { Chart, ImageBuild } from '../domain/plan.ts';
import type { Diagnosis } from '../domain/preview.ts';
import type { Rendered } from './render.ts';

/** What is asked for of a rendering. */
export interface View {
  readonly output: 'yaml' | 'json';
  readonly planOnly: boolean;
  /** With the namespace and what confines it. */
  readonly withNamespace: boolean;
}

/** What goes to standard output; empty when there is nothing but a diagnosis to tell a person. */
export function textOf(rendered: Rendered, view: View): string {
  if (view.output === 'json') return `${JSON.stringify(jsonOf(rendered, view), undefined, 2)}\n`;
  if (rendered.diagnosis !== undefined) return '';
  if (view.planOnly) return yaml(planOf(rendered));
  return documents(rendered, view);
}

/** What goes to standard error: why nothing would be deployed, or what to know of the result. */
export function remarksOf({ diagnosis, notes }: Rendered): string {
  const lines = diagnosis === undefined ? notes.map((note) => `note: ${note}`) : linesOf(diagnosis);
  return lines.map((line) => `${line}\n`).join('');
}

/** Each place that is wrong as compilers say it; or the sentence, with what proves it. */
function linesOf({ reason, message, places = [], log = [] }: Diagnosis): readonly string[] {
  if (places.length > 0) {
    return places.map(({ path, line, column, message: what, revision }) => {
      return `${path}:${line}:${column}: ${what}${revision === undefined ? '' : ` (at ${shortRevision(revision)})`}`;
    });
  }
  const proof = log.filter((line) => !message.includes(line));
  return [`${reason}: ${message}`, ...proof.map((line) => `  ${line}`)];
}

function jsonOf(rendered: Rendered, { planOnly, withNamespace }: View): JsonObject {
  const { diagnosis, objects, confinement, notes } = rendered;
  return {
    plan: planOf(rendered),
    ...(diagnosis && { diagnosis: plain(diagnosis) }),
    ...(objects && !planOnly && { objects: [...(withNamespace ? confinement : []), ...objects] }),
    ...(notes.length > 0 && { notes }),
  };
}

/** The plan in the words of the manifest. */
function planOf({ subject, namespace, when, plan, values }: Rendered): JsonObject {
  const { pullRequest, trust, isChanged } = subject;
  const { repository, head, base, key } = pullRequest;
  const asked = plain(when) as JsonObject;
  return {
    repository: `${repository.owner}/${repository.name}`,
    number: key.number,
    branch: head.branch,
    revision: head.revision,
    ...(isChanged && { uncommittedChanges: true }),
    trust,
    ...(trust === 'untrusted' && { base: base.branch }),
    namespace,
    ...(plan && {
      routes: byName(plan.routes.map(({ name, url, service, port }) => ({ name, url, service, port }))),
      images: byName(
        plan.images.map((image) => {
          const { name, ref } = image;
          return image.kind === 'build' ? { name, ref, build: buildOf(image.build) } : { name, ref };
        }),
      ),
      chart: chartOf(plan.chart),
      valuesFiles: plan.valuesFiles.map(({ path }) => path),
    }),
    ...(values && { values }),
    ...(Object.keys(asked).length > 0 && { when: asked }),
  };
}

/** A summary as comments, then the objects. */
function documents(rendered: Rendered, { withNamespace }: View): string {
  const { confinement, objects = [] } = rendered;
  const head = summaryOf(rendered).map((line) => `${`# ${line}`.trimEnd()}\n`);
  const parts = [
    ...(withNamespace ? [['what Berth makes first', confinement] as const] : []),
    ['what the chart makes', objects] as const,
  ];
  const texts = parts.flatMap(([title, some]) =>
    some.map((object, index) => `---\n${index === 0 ? `# ${title}\n` : ''}${yaml(object)}`),
  );
  return [...head, ...texts].join('');
}

function summaryOf({ subject, namespace, plan, when }: Rendered): readonly string[] {
  const { pullRequest, isChanged, trust } = subject;
  const { repository, head, base, key } = pullRequest;
  const whose = trust === 'trusted' ? '' : `, from a fork, for ${base.branch}`;
  const isCommitted = !/^0+$/.test(head.revision);
  const changes = isCommitted && isChanged ? ' with uncommitted changes' : '';
  const revision = isCommitted ? ` at ${shortRevision(head.revision)}${changes}` : ', nothing committed yet';
  const images = plan?.images ?? [];
  return [
    `${repository.owner}/${repository.name}${revision}, branch ${head.branch}, as pull request ${key.number}${whose}`,
    `namespace  ${namespace}`,
    ...(plan?.routes ?? []).map(({ name, url, service, port }) => `route      ${name}: ${url} → ${service}:${port}`),
    ...images.map(
      (image) =>
        `image      ${image.name}: ${image.ref}${image.kind === 'build' ? `, built from ${image.build.dockerfile}` : ''}`,
    ),
    ...(Object.keys(when).length > 0 ? [`when       ${JSON.stringify(when)}`] : []),
    ...(images.length > 0 ? ['Digests are known once images are built: here they are zeros.'] : []),
  ];
}

function byName(entries: readonly (JsonObject & { readonly name: string })[]): JsonObject {
  return Object.fromEntries(entries.map(({ name, ...rest }) => [name, rest]));
}

function buildOf({ args, ...rest }: ImageBuild): Json {
  return plain({ ...rest, ...(Object.keys(args).length > 0 && { args }) });
}

function chartOf(chart: Chart): Json {
  switch (chart.kind) {
    case 'built-in':
      return 'built-in';
    case 'path':
      return { path: chart.path };
    case 'oci':
      return { oci: chart.url, version: chart.version };
  }
}

/** Without what is `undefined`. */
function plain(value: object): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

/** Texts that readers of YAML 1.1, like kubectl, or of 1.2 would take for something else (`on`, `0o17`) are quoted. */
function yaml(value: Json): string {
  const document = new Document(value, { version: '1.1', aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && onlyNumberIn12.test(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return document.toString({ lineWidth: 0 });
}

const onlyNumberIn12 = /^[-+]?0o[0-7]+$/;
