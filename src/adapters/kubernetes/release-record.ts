/** What is written on a namespace about its release, as annotations, and read back. Pure. */
import { z } from 'zod';
import type { Route } from '../../domain/plan.ts';
import { diagnosisSchema } from '../../domain/diagnosis-schema.ts';
import type { Diagnosis } from '../../domain/preview.ts';
import type { ReleaseRecord } from '../../ports.ts';
import { deleteHooksAnnotation, imagesAnnotation, releaseAnnotation, routesAnnotation } from './metadata.ts';

type Annotations = Readonly<Record<string, string>> | undefined;

const shared = {
  /** Helm's revision number that the record is about. For a run that left none: the newest one there was. */
  version: z.number().int().min(0),
  planDigest: z.string(),
  revision: z.string(),
};

const recorded = z.discriminatedUnion('outcome', [
  z.object({
    ...shared,
    outcome: z.literal('deployed'),
    /** What the release had then, see `inventory.ts`. */
    objects: z.array(z.string()).default([]),
  }),
  z.object({ ...shared, outcome: z.literal('failed'), diagnosis: diagnosisSchema }),
]);

export type RecordedRelease = z.infer<typeof recorded>;

const routes = z.array(
  z.object({ name: z.string(), service: z.string(), port: z.number(), host: z.string(), url: z.string() }),
);

const images = z.array(z.string());

/** All annotations of an object together may have 256 KiB. Source: k8s.io/apimachinery/pkg/api/validation */
const longestText = 2_000;
const mostObjects = 300;

/**
 * The annotations to set; those left out keep their value. `newest` is Helm's newest revision number, 0 for none;
 * `objects` is the inventory of the release.
 */
export function recordAnnotations(
  record: ReleaseRecord,
  newest: number,
  objects: readonly string[] = [],
): Readonly<Record<string, string>> {
  const { outcome, planDigest, revision } = record;
  const about = { version: record.version ?? newest, planDigest, revision };
  if (outcome.state === 'failed') {
    return {
      [releaseAnnotation]: JSON.stringify({ ...about, outcome: 'failed', diagnosis: bounded(outcome.diagnosis) }),
    };
  }
  return {
    [releaseAnnotation]: JSON.stringify({ ...about, outcome: 'deployed', objects: objects.slice(0, mostObjects) }),
    [routesAnnotation]: JSON.stringify(outcome.routes),
    [imagesAnnotation]: JSON.stringify(outcome.images),
    [deleteHooksAnnotation]: String(outcome.hasDeleteHooks),
  };
}

/** What was recorded last; `undefined` when nothing was, or what is there was not written by us. */
export function recordedRelease(annotations: Annotations): RecordedRelease | undefined {
  return parsed(recorded, annotations?.[releaseAnnotation]);
}

/** What the release that was deployed last serves. */
export function routesOf(annotations: Annotations): readonly Route[] {
  return parsed(routes, annotations?.[routesAnnotation]) ?? [];
}

/** Digests of the images of the release that was deployed last. */
export function imagesOf(annotations: Annotations): readonly string[] {
  return parsed(images, annotations?.[imagesAnnotation]) ?? [];
}

function bounded({ reason, message, log, places }: Diagnosis): Diagnosis {
  return {
    reason,
    message: cut(message),
    ...(log && { log: log.slice(-20).map(cut) }),
    ...(places && { places: places.slice(0, 20).map((it) => ({ ...it, message: cut(it.message) })) }),
  };
}

function cut(text: string): string {
  return text.slice(0, longestText);
}

function parsed<T>(schema: z.ZodType<T>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    // Somebody edited the annotation. Without it the release is deployed again, which sets it right.
    return undefined;
  }
}
