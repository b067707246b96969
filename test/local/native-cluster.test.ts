import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firewallRemoval } from '../../deploy/local/native/cleanup.ts';
import { hostsFile } from '../../deploy/local/native/dns-records.ts';
import type { Endpoints, Service } from '../../deploy/local/native/dns-records.ts';

const metadata = (name: string) => ({ name, namespace: 'shop', resourceVersion: '1' });

describe('hostsFile', () => {
  it('gives a service the name of its address', () => {
    const web: Service = { metadata: metadata('web'), spec: { clusterIP: '10.202.0.9' } };
    assert.equal(hostsFile([web], new Map()), '10.202.0.9 web.shop.svc.cluster.local\n');
  });

  it('gives a headless service the addresses of its pods, and their hostnames', () => {
    const db: Service = { metadata: metadata('db'), spec: { clusterIP: 'None' } };
    const pods: Endpoints = {
      metadata: metadata('db'),
      subsets: [{ addresses: [{ ip: '10.201.0.3' }, { ip: '10.201.0.2', hostname: 'db-0' }] }, {}],
    };
    assert.equal(
      hostsFile([db], new Map([['shop/db', pods]])),
      '10.201.0.2 db.shop.svc.cluster.local db-0.db.shop.svc.cluster.local\n10.201.0.3 db.shop.svc.cluster.local\n',
    );
  });

  it('leaves out services without an address', () => {
    assert.equal(hostsFile([{ metadata: metadata('elsewhere'), spec: {} }], new Map()), '');
  });
});

describe('firewallRemoval', () => {
  const saved = [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':DOCKER - [0:0]',
    ':KUBE-SERVICES - [0:0]',
    ':KUBE-SVC-A - [0:0]',
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    '-A KUBE-SERVICES -d 10.202.0.1/32 -j KUBE-SVC-A',
    '-A POSTROUTING -s 10.201.0.0/20 -m comment --comment "berth local stack" -j MASQUERADE',
    'COMMIT',
  ].join('\n');

  it("unhooks and deletes the cluster's chains and our rules, and nothing else", () => {
    assert.deepEqual(firewallRemoval('nat', saved).split('\n'), [
      '*nat',
      ':KUBE-SERVICES - [0:0]',
      ':KUBE-SVC-A - [0:0]',
      '-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      '-D POSTROUTING -s 10.201.0.0/20 -m comment --comment "berth local stack" -j MASQUERADE',
      '-X KUBE-SERVICES',
      '-X KUBE-SVC-A',
      'COMMIT',
      '',
    ]);
  });

  it('asks for nothing where there is nothing', () => {
    assert.equal(firewallRemoval('nat', '*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DOCKER\nCOMMIT'), '');
  });
});
