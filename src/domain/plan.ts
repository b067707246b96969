/** A manifest resolved for one revision. */
import type { JsonObject } from './json.ts';
import type { Trust } from './preview.ts';

/** How to build one image; paths are relative to the repository's root, without a leading `./`, `''` for the root. */
export interface ImageBuild {
  readonly context: string;
  /** Relative to the repository's root, not to the context. */
  readonly dockerfile: string;
  readonly target: string | undefined;
  readonly args: Readonly<Record<string, string>>;
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
  /** Where the chart and the values files come from: `revision` itself, or the base branch's for untrusted code. */
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
