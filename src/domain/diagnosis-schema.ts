/** How a diagnosis is read back from where it was kept: an annotation, a cache. */
import { z } from 'zod';
import { type Diagnosis, reasons } from './preview.ts';

const place = z.object({
  path: z.string(),
  line: z.number(),
  column: z.number(),
  message: z.string(),
  revision: z.string().optional(),
});

/** A reason that is not known here any more makes the whole unreadable, so that it is found out anew. */
export const diagnosisSchema: z.ZodType<Diagnosis> = z
  .object({
    reason: z.enum(reasons),
    message: z.string(),
    log: z.array(z.string()).nullish(),
    places: z.array(place).nullish(),
  })
  .transform(({ reason, message, log, places }) => ({
    reason,
    message,
    ...(log && { log }),
    ...(places && { places }),
  }));
