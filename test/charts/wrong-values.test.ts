import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chartFolder, render, type Values } from './helm.ts';
import { least, merge } from './option-sets.ts';

const chart = chartFolder('berth');

describe('values that are wrong', () => {
  const rows: readonly { readonly name: string; readonly values: Values; readonly says: readonly RegExp[] }[] = [
    {
      name: 'nothing at all',
      values: { previews: { domain: '' }, registry: { repository: '' }, github: { existingSecret: '' } },
      says: [/previews\.domain is not set/, /registry\.repository is not set/, /github\.existingSecret is not set/],
    },
    {
      name: 'a Secret, and secrets besides',
      values: { github: { webhookSecret: 'a-secret-that-is-ignored' } },
      says: [/github\.existingSecret is set, and so is a key or secret/],
    },
    {
      name: 'no Redis',
      values: { redis: { enabled: false } },
      says: [/redis\.external\.url is not set/],
    },
    {
      name: 'no builder',
      values: { buildkit: { trusted: { enabled: false } } },
      says: [/buildkit\.trusted\.enabled is false and buildkit\.external\.endpoints has none/],
    },
    {
      name: 'Gateway API without a Gateway',
      values: { expose: { via: 'gateway' } },
      says: [/expose\.gateway\.parentRefs names none/],
    },
    {
      name: 'certificates of your own for one side only',
      values: { buildkit: { trusted: { tls: { existingSecret: 'mine' } } } },
      says: [/buildkit\.trusted\.tls\.existingSecret is set and existingClientSecret is not/],
    },
    {
      name: 'certificates from two places',
      values: {
        buildkit: { trusted: { tls: { certManager: true, existingSecret: 'mine', existingClientSecret: 'mine' } } },
      },
      says: [/buildkit\.trusted\.tls has certManager and existing Secrets/],
    },
    { name: 'a misspelt option', values: { previwes: {} }, says: [/previwes/] },
    {
      name: 'a misspelt option below',
      values: { redis: { storage: { sise: '1Gi' } } },
      says: [/redis\/storage/, /sise/],
    },
    { name: 'a misspelt variable', values: { config: { LOGLEVEL: 'debug' } }, says: [/config/, /LOGLEVEL/] },
    { name: 'a variable that the chart sets', values: { config: { REDIS_URL: 'redis://x' } }, says: [/REDIS_URL/] },
    {
      name: 'a domain with a scheme',
      values: { previews: { domain: 'https://x.example.com' } },
      says: [/previews\/domain/],
    },
    {
      name: 'a registry with a scheme',
      values: { registry: { repository: 'https://r/x' } },
      says: [/registry\/repository/],
    },
    { name: 'a short webhook secret', values: { github: { webhookSecret: 'short' } }, says: [/github\/webhookSecret/] },
    { name: 'an unknown way in', values: { expose: { via: 'nodePort' } }, says: [/expose\/via/, /'ingress'/] },
    { name: 'a number of replicas as text', values: { worker: { replicas: '2' } }, says: [/worker\/replicas/] },
    {
      name: 'no builder among builders',
      values: { buildkit: { trusted: { replicas: 0 } } },
      says: [/buildkit\/trusted\/replicas/],
    },
    { name: 'an amount that is none', values: { redis: { storage: { size: 'big' } } }, says: [/redis\/storage\/size/] },
    { name: 'a memory that Redis does not know', values: { redis: { maxMemory: '1Gi' } }, says: [/redis\/maxMemory/] },
    {
      name: 'a duration that is none',
      values: { config: { BUILD_TIMEOUT: '30 minutes' } },
      says: [/config\/BUILD_TIMEOUT/],
    },
    {
      name: 'a URL of no Redis',
      values: { redis: { external: { url: 'http://redis' } } },
      says: [/redis\/external\/url/],
    },
    {
      name: 'an endpoint of no BuildKit',
      values: { buildkit: { external: { endpoints: ['builder:1234'] } } },
      says: [/buildkit\/external\/endpoints\/0/],
    },
    {
      name: 'a peer that is none',
      values: { networkPolicies: { internal: [{ cidr: '10.0.0.0/8' }] } },
      says: [/networkPolicies\/internal\/0/],
    },
    { name: 'a long name', values: { fullnameOverride: 'x'.repeat(33) }, says: [/fullnameOverride/] },
  ];
  for (const { name, values, says } of rows) {
    it(`are refused with what is wrong about them: ${name}`, async () => {
      await assert.rejects(render(chart, merge(least, values)), (error: Error) => {
        for (const pattern of says) assert.match(error.message, pattern);
        return true;
      });
    });
  }
});
