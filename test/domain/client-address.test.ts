import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limitKey, noProxies, originOf, trustedProxies } from '../../src/domain/client-address.ts';

describe('originOf', () => {
  const trusted = trustedProxies(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);
  const rows = [
    { name: 'no claim', remote: '203.0.113.9', claim: '', client: '203.0.113.9', chain: ['203.0.113.9'] },
    {
      name: "a stranger's claim",
      remote: '203.0.113.9',
      claim: '1.1.1.1',
      client: '203.0.113.9',
      chain: ['203.0.113.9'],
    },
    { name: "a proxy's word", remote: '10.1.2.3', claim: '1.1.1.1', client: '1.1.1.1', chain: ['1.1.1.1', '10.1.2.3'] },
    {
      name: 'a chain of proxies, with a claim of the client before it',
      remote: '10.1.2.3',
      claim: '127.0.0.1, 10.9.9.9, 198.51.100.4, 192.0.2.7',
      client: '198.51.100.4',
      chain: ['198.51.100.4', '192.0.2.7', '10.1.2.3'],
    },
    { name: 'nonsense', remote: '10.1.2.3', claim: '1.1.1.1, unknown', client: '10.1.2.3', chain: ['10.1.2.3'] },
    { name: 'a port', remote: '10.1.2.3', claim: '1.1.1.1:4711', client: '1.1.1.1', chain: ['1.1.1.1', '10.1.2.3'] },
    {
      name: 'IPv6 with a port',
      remote: 'fd00::1',
      claim: '[2001:DB8::5]:99',
      client: '2001:db8::5',
      chain: ['2001:db8::5', 'fd00::1'],
    },
    {
      name: 'IPv4 in IPv6',
      remote: '::ffff:10.1.2.3',
      claim: '::ffff:1.1.1.1',
      client: '1.1.1.1',
      chain: ['1.1.1.1', '10.1.2.3'],
    },
    { name: 'no address at all', remote: undefined, claim: '1.1.1.1', client: 'unknown', chain: ['unknown'] },
  ];
  for (const { name, remote, claim, client, chain } of rows) {
    it(name, () => assert.deepEqual(originOf(remote, claim, trusted), { client, chain }));
  }

  it('believes nobody without trusted proxies', () => {
    assert.equal(originOf('127.0.0.1', '1.1.1.1', noProxies).client, '127.0.0.1');
    assert.equal(originOf('127.0.0.1', '1.1.1.1', trustedProxies([])).client, '127.0.0.1');
  });
});

describe('trustedProxies', () => {
  for (const range of ['', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', 'proxy.example.com', '::/129', '10.0.0.0/-1']) {
    it(`refuses "${range}"`, () => assert.throws(() => trustedProxies(['10.0.0.1', range]), RangeError));
  }
});

describe('limitKey', () => {
  const rows = [
    ['203.0.113.9', '203.0.113.9'],
    ['2001:db8:0:1::5', '2001:db8:0:1'],
    ['2001:db8:0:1:ffff:ffff:ffff:ffff', '2001:db8:0:1'],
    ['2001:0db8::', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0'],
    ['unknown', 'unknown'],
  ] as const;
  for (const [address, key] of rows) it(`${address} counts as ${key}`, () => assert.equal(limitKey(address), key));
});
