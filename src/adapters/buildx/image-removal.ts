import { z } from 'zod';
import { boundedJson } from '../../bounded-answer.ts';
import type { StoredImage } from '../../ports.ts';
import { imageName } from './image-name.ts';
import { askRegistry, type RegistryConnection, unexpected } from './registry-connection.ts';

// Source: github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
const refusal = z.object({ errors: z.array(z.object({ code: z.string() })) });

/**
 * Removes an image with all its tags; one that is not there is success.
 * @throws with what to change when the registry removes nothing, or nothing for us.
 */
export function removeImage(
  connection: RegistryConnection,
  { ref, digest }: StoredImage,
  signal: AbortSignal,
): Promise<void> {
  const { host, path } = imageName(ref);
  return askRegistry(host, `the removal of ${ref}`, signal, async (bounded) => {
    const scope = `repository:${path}:pull,delete`;
    const request = { method: 'DELETE', host, path: `/v2/${path}/manifests/${digest}`, scope } as const;
    const response = await connection.request(request, bounded);
    const codes = await codesOf(response);
    if (response.ok || response.status === 404) return;
    if (response.status === 405 || codes.includes('UNSUPPORTED')) {
      throw new Error(
        'it does not remove images: switch that on (for the CNCF registry: REGISTRY_STORAGE_DELETE_ENABLED=true)',
      );
    }
    if ([401, 403].includes(response.status)) {
      throw new Error('it does not let us: give the account in BERTH_DOCKER_CONFIG the right to delete images');
    }
    throw unexpected(host, response);
  });
}

const maxRefusalBytes = 256 * 1024;

async function codesOf(response: Response): Promise<readonly string[]> {
  try {
    return refusal.parse(await boundedJson(response, maxRefusalBytes)).errors.map(({ code }) => code);
  } catch {
    // Not every answer has a list of errors; its status says enough.
    return [];
  }
}
