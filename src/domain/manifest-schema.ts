/**
 * The grammar of `.berth.yaml`. One source for three readers: `parseManifest`, the JSON Schema that editors use, and
 * `docs/manifest.md`. Every rule's `error` completes the sentence "`<key>` …".
 */
import { z } from 'zod';
import { parseDuration } from './duration.ts';
import { parseImageReference } from './image-reference.ts';
import type { JsonObject } from './json.ts';

/** At most 20 characters and no `--`, so that `<route>--<namespace>` is a DNS label and can be taken apart again. */
const routeNamePattern = /^(?!.*--)[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?$/;
/** Like a route's, beginning with a letter: the built-in chart names Services after images (RFC 1035). */
const imageNamePattern = /^(?!.*--)[a-z]([-a-z0-9]{0,18}[a-z0-9])?$/;
const nameRule = 'lower-case letters, digits and single dashes, at most 20 characters';

// No class like `\p{Cc}` here: editors apply the pattern without the `u` flag.
const pathPattern = /^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[^\\]{1,400}$/;
const path = z
  .string()
  .regex(pathPattern, 'must be a path relative to the root of the repository, without `..` or a leading `/`')
  .refine((text) => !/\p{Cc}/u.test(text), 'must not have control characters');

const durationPattern = /^[0-9]{1,6}[smhd]$/;
const duration = z
  .string()
  .regex(durationPattern, 'must be a duration like `30m`, `12h` or `7d`')
  .refine((text) => !durationPattern.test(text) || isReasonable(parseDuration(text)), 'must be 1 second to 366 days');

const glob = z.string().min(1, 'must not be empty').max(400, 'must be at most 400 characters');

const argName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be a name of letters, digits and underscores')
  .refine((name) => name !== 'BERTH_REVISION', 'is filled in by Berth: remove it');

/** Becomes a word of the builder's command line and a file name below `/run/secrets`. */
const buildSecretId = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/,
    'must be an id of letters, digits, `_`, `.` and `-`, at most 64 characters',
  );

/** Names as Kubernetes has them. */
const buildSecret = z
  .string()
  .regex(
    /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/[A-Za-z0-9._-]{1,253}$/,
    'must be the name of a Kubernetes Secret and a key of it, like `npm/token`',
  );

const maxBuildSecrets = 20;
/** Each is held against every changed file. */
const maxGlobs = 50;
/** Each image is a build or something to wait for, each route a host: more is a mistake. */
const maxImages = 50;
const maxRoutes = 50;

const builtImage = z
  .strictObject({
    context: path.optional().meta({ description: 'Folder that the build may read. Default: the root.', default: '.' }),
    dockerfile: path.optional().meta({
      description: "Path from the repository's root. Default: `Dockerfile` in the context.",
    }),
    target: z
      .string()
      .regex(/^[A-Za-z0-9][-A-Za-z0-9_.]{0,127}$/, 'must be the name of a stage in the Dockerfile')
      .optional()
      .meta({ description: 'Stage of the Dockerfile to build. Default: the last.' }),
    args: z
      .record(argName, z.union([z.string(), z.number(), z.boolean()]))
      .optional()
      .meta({ description: 'Build arguments. They end up in the image: no secrets.' }),
    secrets: z
      .record(buildSecretId, buildSecret)
      .refine((secrets) => Object.keys(secrets).length <= maxBuildSecrets, `must be at most ${maxBuildSecrets}`)
      .optional()
      .meta({
        description:
          'What `RUN --mount=type=secret,id=…` reads, by id, each `<secret>/<key>` of a Kubernetes Secret that an operator of Berth has given to the repository. Never for pull requests from forks.',
      }),
  })
  .meta({ description: 'An image that Berth builds.' });

const externalImage = z
  .strictObject({
    from: z
      .string()
      .refine(isTaggedReference, 'must be an image reference with a tag or a digest, e.g. `ghcr.io/acme/api:${sha}`')
      .meta({ description: 'Reference with a tag or digest, e.g. `ghcr.io/acme/api:${sha}`.' }),
  })
  .meta({ description: 'An image that somebody else builds, e.g. CI: Berth waits for it to appear.' });

const pathChart = z.strictObject({ path: path.meta({ description: 'Folder of the chart in this repository.' }) });
const ociChart = z.strictObject({
  oci: z
    .string()
    .regex(
      /^oci:\/\/[A-Za-z0-9.-]+(:[0-9]+)?(\/[A-Za-z0-9._-]+)+$/,
      'must look like `oci://registry.example/charts/app`',
    )
    .meta({ description: 'Chart in a registry, e.g. `oci://registry.example/charts/app`.' }),
  version: z
    .string()
    .regex(/^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$/, 'must be one exact version like `1.2.3`')
    .meta({ description: 'One exact version.' }),
});

const route = z
  .strictObject({
    // May hold placeholders, so that its shape is checked when they are replaced.
    service: z.string().min(1, 'must not be empty').meta({ description: 'Name of a Service that the chart makes.' }),
    port: z
      .int()
      .min(1, 'must be between 1 and 65535')
      .max(65535, 'must be between 1 and 65535')
      .meta({ description: 'Port of that Service.' }),
  })
  .meta({ description: 'A name under which a Service of the preview is reachable.' });

const when = z
  .strictObject({
    label: z.string().min(1, 'must not be empty').max(50, 'must be at most 50 characters').optional().meta({
      description: 'Only pull requests with this label get a preview.',
    }),
    drafts: z.boolean().optional().meta({ description: 'Whether drafts get a preview. Default: true.', default: true }),
    branches: z
      .array(glob)
      .min(1, 'must not be empty')
      .max(maxGlobs, `must be at most ${maxGlobs}`)
      .optional()
      .meta({ description: 'Base branches, as globs. Default: all.' }),
    paths: z
      .array(glob)
      .min(1, 'must not be empty')
      .max(maxGlobs, `must be at most ${maxGlobs}`)
      .optional()
      .meta({ description: 'Only when one of these changed, as globs. Default: any.' }),
  })
  .meta({ description: 'Which pull requests get a preview. Left out: all.' });

/** What `.berth.yaml` may hold, before defaults. */
export const manifestSchema = z
  .strictObject({
    images: z
      .record(
        z.string().regex(imageNamePattern, `must be a name that begins with a letter: ${nameRule}`),
        z.union([builtImage, externalImage]),
      )
      .refine((images) => Object.keys(images).length <= maxImages, `must be at most ${maxImages}`)
      .optional()
      .meta({ description: 'Images by name. Left out: `web`, from the `Dockerfile` at the root.' }),
    chart: z
      .union([pathChart, ociChart, z.literal('built-in')])
      .optional()
      .meta({
        description: 'Helm chart to install. Left out: `chart/` or `charts/<repository>/`, else the built-in chart.',
      }),
    values: z
      .record(z.string(), z.unknown())
      .refine((values) => !isMapping(values['global']) || !('berth' in values['global']), {
        error: 'is filled in by Berth: remove it',
        path: ['global', 'berth'],
      })
      .refine((values) => !('global' in values) || isMapping(values['global']), {
        error: 'must be a mapping',
        path: ['global'],
      })
      .optional()
      .meta({ description: 'Values for the chart. They win over `valuesFiles`; `${…}` is replaced.' }),
    valuesFiles: z.array(path).max(20, 'must be at most 20 files').optional().meta({
      description: 'Values files of this repository, used as they are; later ones win.',
    }),
    routes: z
      .record(z.string().regex(routeNamePattern, `must be a name: ${nameRule}`), route)
      .refine((routes) => Object.keys(routes).length <= maxRoutes, `must be at most ${maxRoutes}`)
      .optional()
      .meta({ description: 'What is reachable from outside, by name; the first is the main URL.' }),
    when: when.optional(),
    ttl: duration.optional().meta({ description: 'Removes the preview this long after the last push, e.g. `7d`.' }),
    sleepAfter: duration.optional().meta({ description: 'Scales to zero this long after the last visit, e.g. `30m`.' }),
  })
  .meta({ title: 'Berth manifest', description: 'Says what a preview of a pull request is made of: `.berth.yaml`.' });

export type ManifestInput = z.output<typeof manifestSchema>;

/** The keys that belong into the mapping at this path; `undefined` where any key may stand. */
export function knownKeysAt(path: readonly PropertyKey[]): readonly string[] | undefined {
  const [first] = path;
  if (path.length === 0) return Object.keys(manifestSchema.shape);
  if (first === 'images' && path.length === 2) return keysOf(builtImage, externalImage);
  if (first === 'chart' && path.length === 1) return keysOf(pathChart, ociChart);
  if (first === 'routes' && path.length === 2) return keysOf(route);
  if (first === 'when' && path.length === 1) return keysOf(when);
  return undefined;
}

/** The JSON Schema for editors, published as `schema/berth.schema.json`. */
export function manifestJsonSchema(): JsonObject {
  // Draft 7 is the one that the YAML language server, and so most editors, read completely.
  return z.toJSONSchema(manifestSchema, { target: 'draft-7', io: 'input' }) as JsonObject;
}

function keysOf(...shapes: readonly { readonly shape: object }[]): readonly string[] {
  return shapes.flatMap(({ shape }) => Object.keys(shape));
}

function isTaggedReference(text: string): boolean {
  const reference = parseImageReference(text.replace(/\$\{[^}]*\}/g, '0'));
  return reference !== undefined && (reference.tag !== undefined || reference.digest !== undefined);
}

function isReasonable(durationMs: number | undefined): boolean {
  return durationMs !== undefined && durationMs > 0 && durationMs <= 366 * 86_400_000;
}

function isMapping(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
