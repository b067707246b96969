/** Redis and PostgreSQL as charts know them: the official images, made of Debian's packages where none can be pulled. */
import { withLock } from './lock.ts';
import { pushImage } from './base-images.ts';
import { copyImage } from './docker-services.ts';
import { pushDebian } from './machine-images.ts';
import { placesIn } from './places.ts';
import { type Progress, progressTo } from './progress.ts';
import type { LocalStack } from './stack.ts';

/** References of the images, as pods name them. */
export interface ServiceImages {
  /** Like the official `redis`: with a shell and `redis-cli`, for any user, configuration by arguments. */
  readonly redis: string;
  /** Like the official `postgres`: for any user, made new with POSTGRES_PASSWORD, POSTGRES_USER and POSTGRES_DB. */
  readonly postgres: string;
}

export interface ServiceImagesOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly progress?: Progress;
}

/** Pushes the images to the stack's registry where it lacks them. */
export async function serviceImages(stack: LocalStack, options: ServiceImagesOptions = {}): Promise<ServiceImages> {
  const places = placesIn(options.env ?? process.env);
  const progress = options.progress ?? progressTo((text) => process.stderr.write(text));
  const { tools, dockerHost } = stack;
  return withLock(
    'berth-local-image',
    () => progress.say('waiting for another build of an image to finish …'),
    () =>
      progress.step('finding the images of Redis and PostgreSQL (three minutes at first)', async () => {
        if (stack.cluster !== 'native') {
          // The same programs on the same system, under the names that examples know.
          const copy = (official: string, name: string) => copyImage(places, tools, dockerHost, official, name);
          return {
            redis: await copy('redis:7-bookworm', 'debian-redis:7'),
            postgres: await copy('postgres:15-bookworm', 'debian-postgres:15'),
          };
        }
        const from = { 'debian:bookworm-slim': await pushDebian(places, tools, dockerHost) };
        const gather = async () => undefined;
        const push = (name: string, tag: string) => pushImage(places, tools, dockerHost, { name, tag, from, gather });
        return { redis: await push('debian-redis', '7'), postgres: await push('debian-postgres', '15') };
      }),
  );
}
