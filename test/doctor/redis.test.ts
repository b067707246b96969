import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RedisSurvey } from '../../src/adapters/redis/survey.ts';
import { redisFindings } from '../../src/doctor/redis.ts';

const healthy: RedisSurvey = {
  fields: new Map(
    Object.entries({
      redis_version: '7.2.4',
      role: 'master',
      maxmemory_policy: 'noeviction',
      aof_enabled: '1',
      used_memory: '1048576',
      maxmemory: '104857600',
    }),
  ),
  snapshots: false,
  latencyMs: 0.4,
  writeError: undefined,
};

const withField = (name: string, value: string): RedisSurvey => ({
  ...healthy,
  fields: new Map([...healthy.fields, [name, value]]),
});

describe('redisFindings', () => {
  it('has nothing to say against a healthy server', () => {
    assert.deepEqual(new Set(redisFindings(healthy).map(({ level }) => level)), new Set(['ok']));
  });

  for (const { name, survey, level, seen } of [
    { name: 'too old', survey: withField('redis_version', '6.0.16'), level: 'problem', seen: /6\.0\.16/ },
    { name: 'old', survey: withField('redis_version', '6.2.0'), level: 'warning', seen: /6\.2\.0/ },
    { name: 'far away', survey: { ...healthy, latencyMs: 80 }, level: 'warning', seen: /80\.0 ms/ },
    { name: 'a replica', survey: withField('role', 'slave'), level: 'problem', seen: /replica/ },
    { name: 'evicting', survey: withField('maxmemory_policy', 'volatile-lru'), level: 'problem', seen: /volatile-lru/ },
    { name: 'full', survey: withField('used_memory', '104857000'), level: 'warning', seen: /100 MiB of 100 MiB/ },
    {
      name: 'forgetful',
      survey: { ...withField('aof_enabled', '0'), snapshots: false },
      level: 'warning',
      seen: /nothing on disk/,
    },
    {
      name: 'silent about its disk',
      survey: { ...withField('aof_enabled', '0'), snapshots: undefined },
      level: 'note',
      seen: /does not tell/,
    },
    { name: 'read-only', survey: { ...healthy, writeError: 'READONLY no' }, level: 'problem', seen: /READONLY/ },
  ] as const) {
    it(`finds a server that is ${name}`, () => {
      const [finding, ...others] = redisFindings(survey).filter((each) => each.level !== 'ok');
      assert.equal(finding?.level, level);
      assert.match(finding?.seen ?? '', seen);
      assert.deepEqual(others, []);
    });
  }
});
