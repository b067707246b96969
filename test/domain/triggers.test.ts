import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { triggersOf } from '../../src/domain/triggers.ts';
import { webhookExamples } from '../webhook-examples.ts';

const repository = { id: 7 };
const user = { type: 'User' };
const bot = { type: 'Bot' };
const one = { keys: [{ repositoryId: 7, number: 42 }], everything: false };
const none = { keys: [], everything: false };
const all = { keys: [], everything: true };
const listed = (repositoryId: number, number: number) => ({ number, base: { repo: { id: repositoryId } } });

describe('triggersOf', () => {
  const rows = [
    {
      name: 'a pull request, whatever happened to it',
      event: 'pull_request',
      payload: { action: 'no such action', repository, pull_request: { number: 42 } },
      want: one,
    },
    {
      name: 'a comment on a pull request',
      event: 'issue_comment',
      payload: { action: 'created', repository, sender: user, issue: { number: 42, pull_request: {} } },
      want: one,
    },
    {
      name: 'a comment on an issue',
      event: 'issue_comment',
      payload: { action: 'created', repository, sender: user, issue: { number: 42 } },
      want: none,
    },
    {
      name: 'a comment of ours',
      event: 'issue_comment',
      payload: { action: 'edited', repository, sender: bot, issue: { number: 42, pull_request: {} } },
      want: none,
    },
    {
      name: 'a deleted comment, whoever deleted it',
      event: 'issue_comment',
      payload: { action: 'deleted', repository, sender: bot, issue: { number: 42, pull_request: {} } },
      want: one,
    },
    {
      name: "a check run's button",
      event: 'check_run',
      payload: { action: 'requested_action', repository, check_run: { pull_requests: [listed(7, 42), listed(7, 42)] } },
      want: one,
    },
    {
      name: 'a check run that goes on',
      event: 'check_run',
      payload: { action: 'completed', repository, check_run: { pull_requests: [listed(7, 42)] } },
      want: none,
    },
    {
      name: 'a check suite that is complete, seen from a fork as well',
      event: 'check_suite',
      payload: { action: 'completed', repository, check_suite: { pull_requests: [listed(8, 41), listed(7, 42)] } },
      want: one,
    },
    { name: 'an installation', event: 'installation', payload: { action: 'suspend' }, want: all },
    { name: 'repositories of an installation', event: 'installation_repositories', payload: {}, want: all },
    {
      name: 'a repository that was renamed',
      event: 'repository',
      payload: { action: 'renamed', repository },
      want: all,
    },
    { name: 'a push', event: 'push', payload: { repository, ref: 'refs/heads/main' }, want: none },
    { name: 'an unknown event', event: 'constructor', payload: { repository }, want: none },
    { name: 'a repository without id', event: 'pull_request', payload: { pull_request: { number: 42 } }, want: none },
    {
      name: 'numbers that are none',
      event: 'pull_request',
      payload: { repository, pull_request: { number: '42' } },
      want: none,
    },
    {
      name: 'numbers that are too large',
      event: 'pull_request',
      payload: { repository, pull_request: { number: 2 ** 60 } },
      want: none,
    },
  ];
  for (const { name, event, payload, want } of rows) {
    it(`understands ${name}`, () => assert.deepEqual(triggersOf(event, payload), want));
  }

  it('never throws, whatever it is given', () => {
    const values = [
      undefined,
      null,
      0,
      '',
      [],
      {},
      { repository: null },
      { repository, check_run: { pull_requests: {} } },
    ];
    for (const event of ['pull_request', 'issue_comment', 'check_run', 'check_suite', 'push', '']) {
      for (const value of values) assert.deepEqual(triggersOf(event, value), none);
    }
  });

  it('finds the pull request in every published example of an event about one', () => {
    for (const { name, examples: payloads } of webhookExamples) {
      for (const payload of payloads) {
        const { keys } = triggersOf(name, payload);
        if (name === 'pull_request') assert.equal(keys.length, 1);
      }
    }
  });
});
