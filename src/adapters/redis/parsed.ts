/** What comes back from Redis: written by us, perhaps by another version of us. What cannot be read counts as absent. */
import { z } from 'zod';
import { diagnosisSchema } from '../../domain/diagnosis-schema.ts';
import type { Phase, Status } from '../../domain/status.ts';

/** The value of a string of JSON; `undefined` when there is none, or it is not as `schema` says. */
export function parsed<T>(schema: z.ZodType<T>, text: string | null): T | undefined {
  if (text === null) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    // Not JSON: as good as absent.
    return undefined;
  }
}

/** The inverse of `parsed`. JSON has no `undefined`, and fields that may be so must not vanish. */
export function written(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) => (field === undefined ? null : field));
}

const word = <T extends string>() => z.custom<T>((value) => typeof value === 'string' && value !== '');

function orUndefined<T extends z.ZodType>(schema: T) {
  return schema.nullable().transform((value) => value ?? undefined);
}

export const statusSchema: z.ZodType<Status> = z.object({
  key: z.object({ repositoryId: z.number(), number: z.number() }),
  phase: word<Phase>(),
  revision: orUndefined(z.string()),
  serving: orUndefined(z.string()),
  urls: z.array(z.object({ name: z.string(), url: z.string() })),
  images: z.array(z.object({ name: z.string(), state: z.enum(['waiting', 'building', 'built', 'failed']) })),
  message: z.string(),
  diagnosis: orUndefined(diagnosisSchema),
  pullRequest: z.object({ url: z.string(), title: z.string(), repository: z.string() }),
});
