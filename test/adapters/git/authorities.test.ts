import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gitSource } from '../../../src/adapters/git/git-source.ts';
import { authoritiesFile, trustAuthorities } from '../../../src/authorities.ts';
import { parseConfig } from '../../../src/config.ts';
import { type Authority, certificateAuthority } from '../../installed/authority.ts';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';

const { signal } = new AbortController();

describe('a GitHub with a certificate of its own authority', () => {
  let authority: Authority;
  let github: Simulator;
  let folder: string;
  before(async () => {
    authority = await certificateAuthority();
    github = await startSimulator({ tls: await authority.issue('127.0.0.1') });
    github.createRepository({ owner: 'acme', name: 'shop', from: { Dockerfile: 'FROM scratch\n' } });
    folder = await mkdtemp(join(tmpdir(), 'authorities-'));
  });
  after(async () => {
    await github.close();
    await authority[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const head = (env: Readonly<Record<string, string>>) => {
    const { number, headSha } = github.openPullRequest({ repo: 'acme/shop' });
    const cloneUrl = `${github.gitUrl}/acme/shop.git`;
    const directory = join(folder, String(number));
    const source = gitSource({ directory, token: async () => 'token', allowHttpLoopback: false, env });
    return source.at({ id: 7, owner: 'acme', name: 'shop', cloneUrl }, headSha, signal);
  };

  it('is trusted by nobody who was not told', async () => {
    await assert.rejects(fetch(github.htmlUrl), /fetch failed/);
    await assert.rejects(head({}), /certificate/);
  });

  it('is trusted by what Berth asks itself and by git, once BERTH_CA_CERTIFICATES tells', async () => {
    trustAuthorities([authority.certificate]);
    assert.equal((await fetch(github.htmlUrl)).status, 404);
    const path = await authoritiesFile([authority.certificate], join(folder, 'authorities.pem'));
    // The token is of the test's own making: what is refused now is refused by GitHub, not by TLS.
    await assert.rejects(head({ GIT_SSL_CAINFO: path ?? '' }), /Authentication failed|401|403|terminal prompts/);
  });

  it('is what the variable may name, and nothing else', async () => {
    const read = (text: string) => {
      try {
        return parseConfig({ BERTH_CA_CERTIFICATES: text }).CA_CERTIFICATES;
      } catch (error) {
        return String(error)
          .split('\n')
          .find((line) => line.includes('CA_CERTIFICATES'))
          ?.trim();
      }
    };
    const wrong = 'BERTH_CA_CERTIFICATES: must be certificates of authorities, as PEM text';
    assert.equal(read(authority.certificate), undefined);
    assert.equal(read('a certificate'), wrong);
    assert.equal(read((await authority.issue('127.0.0.1')).certificate), wrong);
  });
});
