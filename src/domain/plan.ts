/** A manifest resolved for one revision, and what follows from it once the images' digests are known. */
import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import { parseImageReference, pinnedReference } from './image-reference.ts';
import type { JsonObject } from './json.ts';
import { fillCompletely, imagePlaceholders, isJsonObject, mapTexts } from './placeholders.ts';
import type { Trust } from './preview.ts';

/** How to build one image; paths are relative to the repository's root, without a leading `./`, `''` for the root. */
export interface ImageBuild {
  readonly context: string;
  /** Relative to the repository's root, not to the context. */
  readonly dockerfile: string;
  readonly target: string | undefined;
  readonly args: Readonly<Record<string, string>>;
  /** `<secret>/<key>` by the id that the Dockerfile has for it; never for untrusted code. */
  readonly secrets?: Readonly<Record<string, string>>;
}

export type PlannedImage =
  /** `ref` is `<registry>/<owner>/<repository>/<image>:<content key>`: if the registry has it, there is no build. */
  | { readonly kind: 'build'; readonly name: string; readonly ref: string; readonly build: ImageBuild }
  /** Somebody else builds it, e.g. the repository's CI: wait for `ref` to appear. */
  | { readonly kind: 'external'; readonly name: string; readonly ref: string };

export type Chart =
  | { readonly kind: 'built-in' }
  /** `treeId` is git's id of the folder: equal ids mean equal charts. */
  | { readonly kind: 'path'; readonly path: string; readonly treeId: string }
  | { readonly kind: 'oci'; readonly url: string; readonly version: string };

/** A name under which a service of the preview is reachable. */
export interface Route {
  readonly name: string;
  readonly service: string;
  readonly port: number;
  /** First label of the host: `<host>.<preview domain>`. */
  readonly host: string;
  readonly url: string;
}

export interface Plan {
  readonly revision: string;
  /** Where the chart and the values files come from: `revision` itself, or the base branch's tip for untrusted code. */
  readonly chartRevision: string;
  readonly trust: Trust;
  readonly images: readonly PlannedImage[];
  readonly chart: Chart;
  /** Every placeholder is resolved but `${images.…}`, whose digests are known only after the builds. */
  readonly values: JsonObject;
  /** In the order given; later files win, `values` wins over all. `blobId` is git's id of the content. */
  readonly valuesFiles: readonly { readonly path: string; readonly blobId: string }[];
  /** The first is the preview's main URL. */
  readonly routes: readonly Route[];
  /** What charts receive as `.Values.global.berth` besides images and urls. */
  readonly about: { readonly number: number; readonly branch: string; readonly repository: string };
}

/** How this installation names and reaches things; the same for every plan. */
export interface PlanSettings {
  /** Where images are pushed: host and path without a slash at the end, e.g. `localhost:5000/previews`. */
  readonly registry: string;
  /** Tells Berths apart that share a registry or a cluster. */
  readonly instance: string;
  /** Previews are reachable under `<host>.<preview domain>`. */
  readonly previewDomain: string;
  readonly scheme: 'http' | 'https';
  /** `undefined` for the scheme's own. */
  readonly port: number | undefined;
  /** What images are built for, e.g. `linux/amd64`. */
  readonly platform: string;
}

/** Changes whenever `charts/preview` does, so that previews get the new one; its `Chart.yaml` says the same. */
export const builtInChartVersion = '0.3.0';

/**
 * The values that the chart receives: placeholders replaced, and everything once more under `global.berth`.
 * `digests` has one for each image of the plan, by name.
 * @throws when one is missing: nothing is deployed by tag.
 */
export function releaseValues(plan: Plan, digests: ReadonlyMap<string, string>): JsonObject {
  const images = new Map(plan.images.map(({ name, ref }) => [name, { ref, digest: requireDigest(name, digests) }]));
  const known = new Map([...images].flatMap(([name, image]) => [...imageTexts(name, image.ref, image.digest)]));
  const values = mapTexts(plan.values, (text) => fillCompletely(text, known));
  const { number, branch, repository } = plan.about;
  const berth: JsonObject = {
    images: Object.fromEntries([...images].map(([name, { ref, digest }]) => [name, pinnedReference(ref, digest)])),
    urls: Object.fromEntries(plan.routes.map(({ name, url }) => [name, url])),
    hosts: Object.fromEntries(plan.routes.map(({ name, url }) => [name, new URL(url).hostname])),
    revision: plan.revision,
    number,
    branch,
    repository,
  };
  return { ...values, global: { ...(isJsonObject(values['global']) ? values['global'] : {}), berth } };
}

/**
 * What a release was made from, as 64 hex digits: an equal digest means that Helm has nothing to do.
 *
 * `global.berth.revision` is left out on purpose: a push that changes nothing else must not run Helm. So what a chart
 * makes of it is the revision that last changed something. A chart that must know each one says `${sha}` in `values`.
 */
export function planDigest(plan: Plan, digests: ReadonlyMap<string, string>): string {
  const { chart, valuesFiles, routes } = plan;
  const identity =
    chart.kind === 'path'
      ? // Equal ids mean equal charts, wherever they lie.
        ['path', chart.treeId]
      : chart.kind === 'oci'
        ? ['oci', chart.url, chart.version]
        : ['built-in', builtInChartVersion];
  const release = {
    chart: identity,
    values: releaseValues({ ...plan, revision: '' }, digests),
    valuesFiles: valuesFiles.map(({ blobId }) => blobId),
    routes: routes.map(({ name, service, port, url }) => [name, service, port, url]),
  };
  return createHash('sha256').update(canonicalJson(release)).digest('hex');
}

function requireDigest(name: string, digests: ReadonlyMap<string, string>): string {
  const digest = digests.get(name);
  if (!digest) throw new Error(`resolving the values: image ${name} has no digest yet`);
  return digest;
}

/** What `${images.<name>…}` stands for. */
function imageTexts(name: string, ref: string, digest: string): readonly (readonly [string, string])[] {
  const { repository, tag } = parseImageReference(ref) ?? { repository: ref, tag: undefined };
  // A reference by digest has no tag: the digest's own is what a chart can still show.
  const texts = [pinnedReference(ref, digest), repository, digest, tag ?? digest.replace(':', '-')];
  return imagePlaceholders(name).map((placeholder, index) => [placeholder, texts[index] ?? ''] as const);
}
