/** A certificate authority of one's own, as companies have them for their servers. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../deploy/local/run.ts';

/** All of it PEM text. */
export interface Certified {
  /** The authority's own. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** A new authority's certificate, and a server's that it has signed, good for one address and one day. */
export async function certified(address: string): Promise<Certified> {
  const folder = await mkdtemp(join(tmpdir(), 'authority-'));
  const file = (name: string) => join(folder, name);
  const request = [
    'openssl',
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
  ] as const;
  const newKey = [...request, '-days', '1'] as const;
  try {
    await run([...newKey, '-subj', '/CN=installed', '-keyout', file('ca.key'), '-out', file('ca.crt')]);
    const signed = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-addext', 'basicConstraints=critical,CA:FALSE'];
    const named = ['-subj', '/CN=github', '-addext', `subjectAltName=IP:${address}`];
    await run([...newKey, ...signed, ...named, '-keyout', file('server.key'), '-out', file('server.crt')]);
    const text = (name: string) => readFile(file(name), 'utf8');
    return { authority: await text('ca.crt'), certificate: await text('server.crt'), key: await text('server.key') };
  } finally {
    await rm(folder, { recursive: true });
  }
}
