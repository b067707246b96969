import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkServer } from '../../../src/adapters/redis/server-check.ts';

describe('checkServer', () => {
  const rows = [
    { name: 'takes Redis 7', version: '7.0.15', policy: 'noeviction', want: undefined },
    { name: 'takes Redis 6.2', version: '6.2.0', policy: 'noeviction', want: undefined },
    {
      name: 'refuses Redis 6.0',
      version: '6.0.20',
      policy: 'noeviction',
      want: /6\.0\.20 is too old: use 6\.2 or later/,
    },
    {
      name: 'F6 refuses eviction',
      version: '7.0.15',
      policy: 'volatile-lru',
      want: /maxmemory-policy is volatile-lru/,
    },
  ];
  for (const { name, version, policy, want } of rows) {
    it(name, () => {
      if (want) assert.throws(() => checkServer(infoOf(version, policy)), want);
      else checkServer(infoOf(version, policy));
    });
  }
});

function infoOf(version: string, policy: string): string {
  return `# Server\r\nredis_version:${version}\r\n# Memory\r\nmaxmemory_policy:${policy}\r\n`;
}
