import path from 'node:path';
import { isDebianRoot, unpackPackages } from './apt.ts';
import { onPath } from './files.ts';
import type { Places } from './places.ts';

const unpacked = { bookworm: ['prometheus'], trixie: [] } as const;

/** Prometheus' own `promtool`: the machine's, or Debian's, unpacked on first use. */
export async function promtool(places: Places): Promise<string> {
  const installed = await onPath('promtool');
  if (installed) return installed;
  if (!(await isDebianRoot())) throw new Error('promtool is missing: install Prometheus and try again');
  const folder = path.join(places.cache, 'prometheus');
  await unpackPackages(places, folder, unpacked);
  return path.join(folder, 'usr/bin/promtool');
}
