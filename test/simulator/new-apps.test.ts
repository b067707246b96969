import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Octokit } from '@octokit/core';
import { submit, visit, type Visited } from '../setup/visitor.ts';
import { appClient, refusal } from './client.ts';
import { type Simulator, startSimulator } from './simulator.ts';

const manifest = {
  name: 'New app',
  url: 'https://example.com',
  hook_attributes: { url: 'https://example.com/hooks' },
  default_permissions: { contents: 'read' },
  default_events: ['push'],
};
const silent = () => undefined;
const log = { debug: silent, info: silent, warn: silent, error: silent };

describe('an app from a manifest', () => {
  let github: Simulator;
  beforeEach(async () => {
    github = await startSimulator();
  });
  afterEach(() => github.close());

  /** What a form on another site does; the answer is GitHub's page. */
  async function ask(wanted: object, owner = ''): Promise<Visited> {
    const url = `${github.htmlUrl}${owner}/settings/apps/new?state=abc`;
    const response = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams({ manifest: JSON.stringify(wanted) }),
    });
    const markup = await response.text();
    return { url, status: response.status, headers: response.headers, markup, text: markup };
  }

  /** The code that a person is sent back with. */
  async function codeOf(page: Visited): Promise<URL> {
    return new URL((await submit(page)).url);
  }

  const convert = (code: string) =>
    new Octokit({ baseUrl: github.apiUrl, log }).request('POST /app-manifests/{code}/conversions', { code });

  /** The simulator's own pages are what is redirected to: any page of it will do. */
  const withReturn = () => ({ ...manifest, redirect_url: `${github.htmlUrl}/back` });

  it('is made once it was confirmed, and is the one that GitHub knows from then on', async () => {
    const back = await codeOf(await ask(withReturn(), '/organizations/acme'));
    assert.equal(back.searchParams.get('state'), 'abc');
    const { data } = await convert(back.searchParams.get('code') ?? '');
    assert.equal(data.slug, 'new-app');
    assert.deepEqual(data.events, ['push']);
    assert.equal(github.app.privateKey, data.pem);
    assert.equal(github.app.webhookSecret, data.webhook_secret);
    assert.equal((await appClient(github).request('GET /app')).data?.id, data.id);
  });

  it('gives its credentials once, within an hour, to whoever has the code', async () => {
    const first = (await codeOf(await ask(withReturn()))).searchParams.get('code') ?? '';
    await convert(first);
    assert.equal((await refusal(convert(first))).status, 404);
    assert.equal((await refusal(convert('unknown'))).status, 404);
    const page = await ask({ ...withReturn(), name: 'Another' });
    const late = (await codeOf(page)).searchParams.get('code') ?? '';
    github.setClockOffset(3_600_001);
    assert.equal((await refusal(convert(late))).status, 404);
  });

  it('is refused with a name that is taken, or none', async () => {
    const page = await ask({ ...withReturn(), name: 'berth-preview' });
    const taken = await submit(page);
    assert.match(taken.text, /Name is already taken/);
    assert.match((await submit(taken, { name: '' })).text, /Name can't be blank/);
  });

  const refused = [
    { change: { url: undefined }, words: /"url" wasn't supplied|&quot;url&quot; wasn't supplied/ },
    { change: { hook_attributes: { active: false } }, words: /wasn't supplied/ },
    { change: { default_events: ['installation'] }, words: /Default events unsupported: installation/ },
    { change: { default_events: ['issue_comment'] }, words: /not supported by permissions: issue_comment/ },
    { change: { redirect_uri: 'https://example.com' }, words: /redirect_uri is no parameter/ },
  ];
  for (const { change, words } of refused) {
    it(`is refused with ${JSON.stringify(change)}`, async () => {
      const page = await ask({ ...manifest, ...change });
      assert.equal(page.status, 422);
      assert.match(page.text, words);
    });
  }

  it('is nothing that a link leads to', async () => {
    assert.equal((await visit(`${github.htmlUrl}/settings/apps/new`)).status, 404);
  });
});
