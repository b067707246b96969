import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRedisUrl } from '../../src/domain/redis-address.ts';

const nobody = { username: undefined, password: undefined };

describe('parseRedisUrl', () => {
  const rows = [
    {
      url: 'redis://redis',
      want: { kind: 'server', node: { host: 'redis', port: 6379 }, database: 0, usesTls: false, ...nobody },
    },
    {
      url: 'rediss://berth:p%40ss%2Fw%3Ard@redis.example.com:6380/3',
      want: {
        kind: 'server',
        node: { host: 'redis.example.com', port: 6380 },
        database: 3,
        usesTls: true,
        username: 'berth',
        password: 'p@ss/w:rd',
      },
    },
    {
      url: 'redis://:only@[fd00::1]:7000',
      want: {
        kind: 'server',
        node: { host: 'fd00::1', port: 7000 },
        database: 0,
        usesTls: false,
        username: undefined,
        password: 'only',
      },
    },
    {
      url: 'redis+sentinel://a,b:26380/mymaster/2',
      want: {
        kind: 'sentinel',
        sentinels: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 26_380 },
        ],
        primary: 'mymaster',
        database: 2,
        usesTls: false,
        ...nobody,
      },
    },
    {
      url: 'rediss+cluster://a:7000,b/',
      want: {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 7000 },
          { host: 'b', port: 6379 },
        ],
        usesTls: true,
        ...nobody,
      },
    },
  ];
  for (const { url, want } of rows) it(`reads ${url}`, () => assert.deepEqual(parseRedisUrl(url), want));

  const wrong = [
    { url: 'http://redis', says: /^must be a URL such as redis:/ },
    { url: 'redis://a,b', says: /^has several hosts/ },
    { url: 'redis://redis/first', says: /^must end with the number of a database/ },
    { url: 'redis://redis/0/1', says: /^must end with the number of a database/ },
    { url: 'redis://redis:70000', says: /^has "redis:70000" where a host/ },
    { url: 'redis://redis?family=6', says: /^must be a URL/ },
    { url: 'redis://:100%@redis', says: /write it as %25/ },
    { url: 'redis+sentinel://a:1', says: /^must name the primary/ },
    { url: 'redis+cluster://a:1/1', says: /a Redis Cluster does not have/ },
  ];
  for (const { url, says } of wrong) {
    it(`refuses ${url}`, () => {
      const said = parseRedisUrl(url);
      assert.ok(typeof said === 'string', JSON.stringify(said));
      assert.match(said, says);
      // What is wrong with a secret must not be told with it.
      assert.doesNotMatch(said, /100/);
    });
  }
});
