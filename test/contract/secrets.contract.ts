import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Secrets } from '../../src/ports.ts';
import type { FakeSecret } from '../fakes/secrets.ts';

export interface SecretsSubject extends AsyncDisposable {
  readonly secrets: Secrets;
  /** What was told to be left out of all texts. */
  readonly held: readonly string[];
  put(name: string, secret: FakeSecret): Promise<void>;
}

const { signal } = new AbortController();
const shop = { id: 1, owner: 'Acme', name: 'Shop', cloneUrl: 'https://example.com/Acme/Shop' };
const other = { ...shop, owner: 'mallory' };

export function describeSecretsContract(name: string, makeSubject: () => Promise<SecretsSubject>): void {
  describe(`Secrets: ${name}`, { timeout: 60_000 }, () => {
    let subject: SecretsSubject;
    beforeEach(async () => {
      subject = await makeSubject();
    });
    afterEach(() => subject[Symbol.asyncDispose]());

    const values = async (repository = shop, names: readonly string[] = ['npm/token']) =>
      Object.fromEntries(await subject.secrets.values(repository, names, signal));
    const isMissing = (named: string) => (error: unknown) =>
      error instanceof DiagnosedError &&
      error.diagnosis.reason === 'SecretMissing' &&
      error.diagnosis.message.includes(`\`${named}\``);

    it('gives the values that a repository was given, whatever the case of its name', async () => {
      await subject.put('npm', { repositories: ['acme/shop'], data: { token: 'tok-123456', user: 'ci\n' } });
      await subject.put('maven', { repositories: ['ACME/*'], data: { password: 'pässword' } });
      assert.deepEqual(await values(shop, ['npm/token', 'maven/password', 'npm/user']), {
        'npm/token': 'tok-123456',
        'maven/password': 'pässword',
        'npm/user': 'ci\n',
      });
      assert.deepEqual(await values(shop, []), {});
    });

    it('has every value that was read left out of texts', async () => {
      await subject.put('npm', { repositories: ['acme/shop'], data: { token: 'tok-123456' } });
      await values();
      assert(subject.held.includes('tok-123456'));
    });

    it('gives nobody what is not there, and names it', async () => {
      await subject.put('npm', { repositories: ['acme/shop'], data: { token: 'tok-123456' } });
      await assert.rejects(values(shop, ['npm/token', 'npm/other']), isMissing('npm/other'));
      await assert.rejects(values(shop, ['cargo/token']), isMissing('cargo/token'));
      for (const odd of [
        '',
        '/',
        'npm',
        'npm/',
        '/token',
        '../npm/token',
        'npm/constructor',
        'npm/token/x',
        'npm?/token',
      ]) {
        await assert.rejects(values(shop, [odd]), isMissing(odd));
      }
    });

    it('gives nobody what is given to others, in the same words', async () => {
      await subject.put('npm', { repositories: ['acme/shop', 'acme/*'], data: { token: 'tok-123456' } });
      const sentence = async (repository: typeof shop, names: readonly string[]) =>
        await values(repository, names).then(
          () => assert.fail('given'),
          (error: unknown) => (error instanceof DiagnosedError ? error.message.replaceAll('nothing', 'npm') : ''),
        );
      assert.equal(await sentence(other, ['npm/token']), await sentence(other, ['nothing/token']));
      assert.deepEqual(subject.held, [], 'what is not given is not read');
    });

    it('takes no pattern for everybody', async () => {
      await subject.put('npm', {
        repositories: ['*', '*/*', '*/shop', 'acme', 'acme/', ''],
        data: { token: 'tok-123456' },
      });
      await assert.rejects(values(), isMissing('npm/token'));
      await assert.rejects(values({ ...shop, owner: '*', name: '*' }), isMissing('npm/token'));
    });

    it('takes back what was given', async () => {
      await subject.put('npm', { repositories: ['acme/shop'], data: { token: 'tok-123456' } });
      await values();
      await subject.put('npm', { repositories: [], data: { token: 'tok-123456' } });
      await assert.rejects(values(), isMissing('npm/token'));
    });
  });
}
