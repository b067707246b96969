/** A certificate authority of one's own, as companies have them for their servers. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../deploy/local/run.ts';

/** PEM texts. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority extends AsyncDisposable {
  /** PEM text: what whoever trusts it must know. */
  readonly certificate: string;
  /** A certificate for one day, of whoever has this address. */
  issue(address: string): Promise<Issued>;
}

/** A new one; it issues until it is disposed of. */
export async function certificateAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'authority-'));
  const file = (name: string) => join(folder, name);
  const request = async (name: string, ...argv: readonly string[]): Promise<Issued> => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file(`${name}.key`)];
    const subject = ['-days', '1', '-subj', `/CN=${name}`, '-out', file(`${name}.crt`)];
    await run(['openssl', 'req', '-x509', ...key, ...subject, ...argv]);
    const [certificate, privateKey] = await Promise.all(
      ['crt', 'key'].map((kind) => readFile(file(`${name}.${kind}`), 'utf8')),
    );
    return { certificate: certificate ?? '', key: privateKey ?? '' };
  };
  const { certificate } = await request('authority');
  return {
    certificate,
    issue: (address) => {
      const extensions = ['basicConstraints=critical,CA:FALSE', `subjectAltName=IP:${address}`];
      const signed = ['-CA', file('authority.crt'), '-CAkey', file('authority.key')];
      return request(address, ...signed, ...extensions.flatMap((each) => ['-addext', each]));
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
