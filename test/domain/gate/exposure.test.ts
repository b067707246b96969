import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonObject } from '../../../src/domain/json.ts';
import { object, policy, refusals, refusedFields, service, withValue } from './sample.ts';

const [host = '', otherHost = ''] = policy.hosts;
const foreignHosts = [
  'www.example.com',
  `x.${host}`,
  `*.${host}`,
  '*',
  '',
  host.toUpperCase(),
  `${host}.`,
  ` ${host}`,
  null,
  7,
];

describe('Services', () => {
  it('E12 allows those that stay inside', () => {
    for (const spec of [
      {},
      { type: 'ClusterIP' },
      { type: null, clusterIP: 'None' },
      { clusterIP: '', clusterIPs: ['None'], ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv4'] },
      { sessionAffinity: 'ClientIP', publishNotReadyAddresses: true, internalTrafficPolicy: 'Local' },
      { externalIPs: [], loadBalancerIP: '', loadBalancerSourceRanges: null, externalName: '' },
      {
        sessionAffinityConfig: { clientIP: {} },
        topologyKeys: ['*'],
        trafficDistribution: 'PreferClose',
        ipFamily: 'IPv4',
      },
      { allocateLoadBalancerNodePorts: false, healthCheckNodePort: 0 },
      {
        ports: [
          { port: 80, nodePort: 0 },
          { port: 81, nodePort: null, targetPort: 'http', appProtocol: 'h2c' },
        ],
      },
    ] satisfies JsonObject[]) {
      assert.deepEqual(refusals(service(spec)), [], JSON.stringify(spec));
    }
  });

  // biome-ignore format: a table
  const refused = [
    ['spec.type', 'LoadBalancer'], ['spec.type', 'NodePort'], ['spec.type', 'ExternalName'], ['spec.type', 'clusterip'],
    ['spec.externalIPs', ['10.0.0.1']], ['spec.externalName', 'metadata.google.internal'], ['spec.loadBalancerIP', '10.0.0.1'],
    ['spec.loadBalancerClass', 'x'], ['spec.loadBalancerSourceRanges', ['0.0.0.0/0']], ['spec.externalTrafficPolicy', 'Local'],
    ['spec.allocateLoadBalancerNodePorts', true], ['spec.healthCheckNodePort', 30_000], ['spec.fromTheFuture', 'x'],
    ['spec.ports[0].nodePort', 30_000], ['spec.ports[0].nodePort', '30000'], ['spec.clusterIP', '10.96.0.10'],
    ['spec.clusterIPs[0]', '10.96.0.10'], ['spec.clusterIPs', '10.96.0.10'], ['spec.ports', { port: 80 }], ['spec', 'x'],
  ] as const;
  for (const [field, value] of refused) {
    it(`E12 refuses ${field} ${JSON.stringify(value)}`, () => {
      assert.deepEqual(refusedFields(withValue(service({}), field, value)), [field]);
    });
  }
});

for (const [apiVersion, backend] of [
  ['networking.k8s.io/v1', { service: { name: 'web', port: { number: 80 } } }],
  ['networking.k8s.io/v1beta1', { serviceName: 'web', servicePort: 80 }],
  ['extensions/v1beta1', { serviceName: 'web', servicePort: 'http' }],
] as const) {
  describe(`Ingress ${apiVersion}`, () => {
    const rule = { host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } };
    const spec = {
      ingressClassName: 'nginx',
      rules: [rule, { host: otherHost }],
      tls: [{ hosts: [host], secretName: 'tls' }],
    };
    const ingress = object(apiVersion, 'Ingress', { spec });

    it('E12 allows the preview’s own hosts', () => {
      assert.deepEqual(refusals(ingress), []);
      assert.deepEqual(refusals(withValue(ingress, 'spec.tls', null)), []);
    });

    for (const foreign of foreignHosts) {
      it(`E12 refuses the host ${JSON.stringify(foreign)}`, () => {
        for (const field of ['spec.rules[1].host', 'spec.tls[0].hosts[0]']) {
          assert.deepEqual(refusedFields(withValue(ingress, field, foreign)), [field]);
        }
        assert.ok(refusals(ingress, { hosts: [] }).length > 0);
      });
    }

    it('E12 refuses to answer for every host', () => {
      for (const [field, value] of [
        ['spec.defaultBackend', backend],
        ['spec.backend', backend],
        ['spec.rules', []],
        ['spec.rules', null],
        ['spec.tls[0].hosts', []],
        ['spec.tls[0].hosts', null],
        ['spec.tls[0].hosts', host],
        ['spec.rules[0].http.paths[0].backend.resource', { kind: 'StorageBucket', name: 'x' }],
      ] as const) {
        assert.deepEqual(refusedFields(withValue(ingress, field, value)), [field], JSON.stringify(value));
      }
      assert.deepEqual(refusedFields(object(apiVersion, 'Ingress', {})), ['spec.rules']);
    });

    it('E12 refuses paths that are more than paths', () => {
      const field = 'spec.rules[0].http.paths[0].path';
      for (const path of ['/', '/*', '/a/b.c~d', '', null])
        assert.deepEqual(refusals(withValue(ingress, field, path)), []);
      for (const path of [
        'a',
        '/a b',
        '/"',
        '/{',
        '/;',
        '/#',
        '/\n',
        '/a\\',
        '/$1',
        '/(a+)+',
        `/${'a'.repeat(2_000)}`,
        7,
      ]) {
        assert.deepEqual(refusedFields(withValue(ingress, field, path)), [field], String(path));
      }
    });
  });
}

describe('what is said of a host', () => {
  const ruleFor = (value: string, hosts = policy.hosts) => {
    const ingress = object('networking.k8s.io/v1', 'Ingress', { spec: { rules: [{ host: value }] } });
    return refusals(ingress, { hosts })[0]?.rule;
  };

  it('E12 names it, and those that the preview has', () => {
    assert.equal(ruleFor('x.example'), `"x.example" is no host of this preview; it has ${host}, ${otherHost}`);
    assert.equal(ruleFor('', [host]), `would answer for every host; it has ${host}`);
    assert.equal(ruleFor('x.example', []), '"x.example" is no host of this preview');
    assert.equal(ruleFor('', []), 'would answer for every host');
  });
});

for (const kind of ['HTTPRoute', 'GRPCRoute']) {
  describe(kind, () => {
    const route = object('gateway.networking.k8s.io/v1', kind, {
      spec: {
        parentRefs: [{ name: 'public', namespace: 'gateways', sectionName: 'https' }],
        hostnames: [host],
        rules: [
          {
            backendRefs: [{ name: 'web', port: 80, kind: 'Service', group: '', namespace: policy.namespace }],
            filters: [{ type: 'RequestMirror', requestMirror: { backendRef: { name: 'web', port: 80 } } }],
          },
        ],
      },
    });

    it('E12 allows the preview’s own hosts and Services behind whichever Gateway takes them', () => {
      assert.deepEqual(refusals(route), []);
    });

    for (const foreign of foreignHosts) {
      it(`E12 refuses the host ${JSON.stringify(foreign)}`, () => {
        assert.deepEqual(refusedFields(withValue(route, 'spec.hostnames[1]', foreign)), ['spec.hostnames[1]']);
      });
    }

    // biome-ignore format: a table
    const refused = [
      ['spec.hostnames', []], ['spec.hostnames', null], ['spec.hostnames', host],
      ['spec.parentRefs[0].kind', 'Service'], ['spec.parentRefs[0].group', ''],
      ['spec.rules[0].backendRefs[0].namespace', 'prod'], ['spec.rules[0].backendRefs[0].kind', 'ServiceImport'],
      ['spec.rules[0].backendRefs[0].group', 'multicluster.x-k8s.io'], ['spec.rules[0].backendRefs[1].namespace', 'prod'],
      ['spec.rules[0].filters[0].requestMirror.backendRef.namespace', 'prod'],
      ['spec.rules[0].filters[0].externalAuth.backendRef.namespace', 'prod'],
      ['spec.rules[0].backendRefs[0].filters[0].requestMirror.backendRef.namespace', 'prod'],
      ['spec.rules[0].filters[0].extensionRef', { group: 'gateway.nginx.org', kind: 'SnippetsFilter', name: 'x' }],
      ['spec.rules[0].backendRefs[0].filters[0].extensionRef', {}],
    ] as const;
    for (const [field, value] of refused) {
      it(`E12 refuses ${field} ${JSON.stringify(value)}`, () => {
        assert.deepEqual(refusedFields(withValue(route, field, value)), [field]);
      });
    }
  });
}
