import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gitHubHost } from '../../src/setup/github-host.ts';
import { parseAnswers, warnings } from '../../src/setup/registration.ts';

const github = { webUrl: 'https://github.com', apiUrl: 'https://api.github.com' };
const good = { name: 'berth', webhookUrl: 'https://berth.example.com', organisation: '', isPublic: false };
const webhookUrl = 'https://berth.example.com/webhooks/github';

describe('gitHubHost', () => {
  const rows = [
    { address: 'https://github.com', want: github },
    { address: 'https://www.github.com/', want: github },
    {
      address: 'https://github.example.com/',
      want: { webUrl: 'https://github.example.com', apiUrl: 'https://github.example.com/api/v3' },
    },
    {
      address: 'http://localhost:4000',
      want: { webUrl: 'http://localhost:4000', apiUrl: 'http://localhost:4000/api/v3' },
    },
    { address: 'https://acme.ghe.com', want: { webUrl: 'https://acme.ghe.com', apiUrl: 'https://api.acme.ghe.com' } },
    { address: 'github.example.com', want: undefined },
    { address: 'https://github.example.com/api/v3', want: undefined },
    { address: 'https://user@github.example.com', want: undefined },
    { address: 'javascript:alert(1)', want: undefined },
  ];
  for (const { address, want } of rows) it(`knows ${address}`, () => assert.deepEqual(gitHubHost(address), want));
});

describe('parseAnswers', () => {
  const rows = [
    { name: 'completes a host with https and the path', given: {}, want: { webhookUrl } },
    { name: 'takes a host alone', given: { webhookUrl: 'berth.example.com' }, want: { webhookUrl } },
    {
      name: 'leaves a path of its own alone',
      given: { webhookUrl: 'https://example.com/berth/hooks' },
      want: { webhookUrl: 'https://example.com/berth/hooks' },
    },
    {
      name: 'reads an organisation as it is mentioned',
      given: { organisation: ' @acme ' },
      want: { organisation: 'acme' },
    },
    { name: 'takes no organisation for the own account', given: {}, want: { organisation: undefined } },
  ];
  for (const { name, given, want } of rows) {
    it(name, () => {
      const parsed = parseAnswers({ ...good, ...given }, github);
      assert.ok('registration' in parsed);
      assert.deepEqual({ ...parsed.registration, ...want }, parsed.registration);
    });
  }

  const refused = [
    { given: { name: '' }, field: 'name' },
    { given: { name: 'a'.repeat(35) }, field: 'name' },
    { given: { name: 'berth <b>' }, field: 'name' },
    { given: { webhookUrl: '' }, field: 'webhookUrl' },
    { given: { webhookUrl: 'ftp://berth.example.com' }, field: 'webhookUrl' },
    { given: { webhookUrl: 'https://user:word@berth.example.com' }, field: 'webhookUrl' },
    { given: { webhookUrl: 'http://localhost:8080' }, field: 'webhookUrl' },
    { given: { webhookUrl: 'https://[::1]/webhooks/github' }, field: 'webhookUrl' },
    { given: { organisation: 'two words' }, field: 'organisation' },
    { given: { organisation: '../settings' }, field: 'organisation' },
  ];
  for (const { given, field } of refused) {
    it(`refuses ${JSON.stringify(given)}`, () => {
      const parsed = parseAnswers({ ...good, ...given }, github);
      assert.ok('problems' in parsed);
      assert.deepEqual(Object.keys(parsed.problems), [field]);
    });
  }

  it('takes this machine for a webhook of a GitHub on this machine', () => {
    const here = { webUrl: 'http://127.0.0.1:4000', apiUrl: 'http://127.0.0.1:4000/api/v3' };
    assert.ok('registration' in parseAnswers({ ...good, webhookUrl: 'http://127.0.0.1:8080' }, here));
  });
});

describe('warnings', () => {
  const registration = { ...good, organisation: undefined };
  it('are for what is not encrypted, another path, and strangers', () => {
    const of = (change: object) => warnings({ ...registration, webhookUrl, ...change }, github).join('\n');
    assert.equal(of({}), '');
    assert.match(of({ webhookUrl: 'http://berth.example.com/webhooks/github' }), /^The webhook URL is not encrypted/);
    assert.match(of({ webhookUrl: 'https://example.com/hooks' }), /rewrite/);
    assert.match(of({ isPublic: true }), /^Anybody on github\.com can install a public App/);
  });
});
