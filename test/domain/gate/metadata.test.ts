import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  object,
  pod,
  podSpec,
  policy,
  refusedFields,
  refusals,
  service,
  titleOf,
  withValue,
  workloads,
} from './sample.ts';

describe('metadata', () => {
  const template = { spec: podSpec() };
  const claims = { volumeClaimTemplates: [{ metadata: { name: 'data' } }] };
  const stateful = object('apps/v1', 'StatefulSet', { spec: { ...claims, template } });
  const cron = object('batch/v1', 'CronJob', { spec: { jobTemplate: { metadata: {}, spec: { template } } } });
  const ephemeral = pod(podSpec({ volumes: [{ name: 'data', ephemeral: { volumeClaimTemplate: {} } }] }));
  /** Objects, and where they have metadata. */
  const places = [
    [service({}), 'metadata'],
    [pod(), 'metadata'],
    [stateful, 'spec.volumeClaimTemplates[0].metadata'],
    [cron, 'spec.jobTemplate.metadata'],
    [ephemeral, 'spec.volumes[0].ephemeral.volumeClaimTemplate.metadata'],
    ...workloads.map(({ of, path }) => [of(template), `${path}.metadata`] as const),
  ] as const;

  for (const [object, path] of places) {
    it(`E9 is held against the same rules in ${titleOf(object)} at ${path}`, () => {
      // biome-ignore format: a table
      const rows: readonly (readonly [field: string, forbidden: unknown, allowed: unknown])[] = [
        [`${path}.namespace`, 'kube-system', policy.namespace],
        [`${path}.namespace`, ` ${policy.namespace}`, ''],
        [`${path}.finalizers`, ['example.com/hold'], []],
        [`${path}.ownerReferences`, [{ kind: 'Node' }], null],
        [`${path}.labels["app.kubernetes.io/managed-by"]`, 'berth', 'Helm'],
        [`${path}.labels["berth.dev/instance"]`, 'x', undefined],
        [`${path}.labels["Berth.Dev/instance"]`, 'x', undefined],
        [`${path}.annotations["berth.dev/fence"]`, '7', undefined],
        [`${path}.annotations["x.berth.dev/fence"]`, '7', undefined],
        [`${path}.annotations["k8s.v1.cni.cncf.io/networks"]`, 'kube-system/host', undefined],
      ];
      for (const [field, forbidden, allowed] of rows) {
        assert.deepEqual(refusedFields(withValue(object, field, forbidden)), [field], JSON.stringify(forbidden));
        if (allowed !== undefined)
          assert.deepEqual(refusals(withValue(object, field, allowed)), [], JSON.stringify(allowed));
      }
    });
  }

  it('needs a name that Kubernetes has', () => {
    for (const name of ['web', 'web-1', '1.example', 'a'.repeat(253)]) {
      assert.deepEqual(refusals(withValue(service({}), 'metadata.name', name)), []);
    }
    for (const name of [
      '',
      'Web',
      '-web',
      'web-',
      '..',
      'a..b',
      'a/b',
      'a\n',
      'a%2f',
      'a'.repeat(254),
      null,
      undefined,
      7,
      ['a'],
    ]) {
      assert.deepEqual(refusedFields(withValue(service({}), 'metadata.name', name)), ['metadata.name'], String(name));
    }
    assert.deepEqual(refusedFields(withValue(service({}), 'metadata.generateName', 'web-')), ['metadata.generateName']);
    assert.deepEqual(refusedFields({ apiVersion: 'v1', kind: 'ConfigMap' }), ['metadata.name']);
  });

  it('E9 leaves the accounts that Berth sets up alone', () => {
    for (const name of ['default', 'berth-deployer']) {
      assert.deepEqual(refusedFields(object('v1', 'ServiceAccount', {}, { name })), ['metadata.name']);
      assert.deepEqual(refusals(object('v1', 'ConfigMap', {}, { name })), []);
    }
  });

  for (const kind of ['Secret', 'ConfigMap']) {
    it(`E9 leaves what Helm and Kubernetes keep in a ${kind} alone`, () => {
      for (const name of ['sh.helm.release.v1.preview.v2', 'kube-root-ca.crt']) {
        assert.deepEqual(refusedFields(object('v1', kind, {}, { name })), ['metadata.name']);
      }
      assert.deepEqual(refusedFields(object('v1', kind, {}, { labels: { owner: 'helm' } })), ['metadata.labels.owner']);
      assert.deepEqual(refusals(object('v1', kind, {}, { labels: { owner: 'team', Owner: 'x' } })), []);
    });
  }

  it('E9 refuses Secrets that become tokens', () => {
    for (const type of ['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token', 'helm.sh/release.v1']) {
      assert.deepEqual(refusedFields(object('v1', 'Secret', { type })), ['type']);
    }
    for (const type of ['Opaque', 'kubernetes.io/tls', 'kubernetes.io/dockerconfigjson', 'acme.example/x']) {
      assert.deepEqual(refusals(object('v1', 'Secret', { type })), []);
    }
  });
});

describe('annotations', () => {
  const annotated = (name: string, value: string) => pod(podSpec(), { annotations: { [name]: value } });

  // biome-ignore format: a table
  const allowed = [
    ['helm.sh/hook', 'pre-install,post-upgrade'], ['helm.sh/resource-policy', 'keep'], ['meta.helm.sh/release-name', 'preview'],
    ['checksum/config', 'abc'], ['rollme', 'x'], ['prometheus.io/scrape', 'true'], ['kubectl.kubernetes.io/default-container', 'app'],
    ['argocd.argoproj.io/sync-wave', '1'], ['kubernetes.io/ingress.class', 'nginx'], ['cert-manager.io/cluster-issuer', 'le'],
    ['nginx.ingress.kubernetes.io/proxy-body-size', '50m'], ['sidecar.istio.io/inject', 'false'],
    ['artifacthub.io/changes', 'x'], ['app.kubernetes.io/x', 'y'], ['reloader.stakater.com/auto', 'true'],
    ['configmap.reloader.stakater.com/reload', 'a'], ['secret.reloader.stakater.com/reload', 'a'], ['fluentbit.io/parser', 'json'],
    ['kubernetes.io/description', 'x y'], ['kubernetes.io/change-cause', 'x y'], ['kubernetes.io/tls-acme', 'true'],
    ['controller.kubernetes.io/pod-deletion-cost', '1'], ['cluster-autoscaler.kubernetes.io/safe-to-evict', 'true'],
    ['service.kubernetes.io/topology-mode', 'Auto'], ['service.kubernetes.io/topology-aware-hints', 'auto'],
    ['cert-manager.io/issuer', 'le'], ['linkerd.io/inject', 'enabled'], ['volume.beta.kubernetes.io/storage-class', 'fast'],
    ['nginx.ingress.kubernetes.io/proxy-connect-timeout', '5'], ['nginx.ingress.kubernetes.io/proxy-read-timeout', '5'],
    ['nginx.ingress.kubernetes.io/proxy-send-timeout', '5'], ['nginx.ingress.kubernetes.io/ssl-redirect', 'true'],
    ['nginx.ingress.kubernetes.io/force-ssl-redirect', 'true'],
    ['acme.example/team', 'shop'], ['backup.example/schedule', 'daily'],
  ] as const;
  for (const [name, value] of allowed) {
    it(`allows ${name}`, () => assert.deepEqual(refusals(annotated(name, value)), []));
  }

  // biome-ignore format: a table
  const refused = [
    ['nginx.ingress.kubernetes.io/configuration-snippet', 'x'], ['nginx.ingress.kubernetes.io/server-snippet', 'x'],
    ['nginx.ingress.kubernetes.io/auth-snippet', 'x'], ['nginx.ingress.kubernetes.io/stream-snippet', 'x'],
    ['nginx.ingress.kubernetes.io/auth-url', 'http://169.254.169.254/'], ['nginx.ingress.kubernetes.io/mirror-target', 'http://x/'],
    ['nginx.ingress.kubernetes.io/auth-tls-match-cn', 'CN=x'], ['nginx.ingress.kubernetes.io/rewrite-target', '/$2'],
    ['nginx.ingress.kubernetes.io/server-alias', 'www.example.com'], ['nginx.org/server-snippets', 'x'],
    ['nginx.ingress.kubernetes.io/proxy-body-size', '1m;\nload_module x'], ['haproxy.org/backend-config-snippet', 'x'],
    ['external-dns.alpha.kubernetes.io/hostname', 'www.example.com'], ['getambassador.io/config', 'x'],
    ['traefik.ingress.kubernetes.io/router.middlewares', 'x'], ['tailscale.com/expose', 'true'],
    ['replicator.v1.mittwald.de/replicate-to', '.*'], ['reflector.v1.k8s.emberstack.com/reflects', 'prod/secret'],
    ['eks.amazonaws.com/role-arn', 'arn:aws:iam::1:role/x'], ['iam.amazonaws.com/role', 'x'], ['vault.hashicorp.com/role', 'x'],
    ['k8s.v1.cni.cncf.io/networks', 'x'], ['cni.projectcalico.org/ipAddrs', '["10.0.0.1"]'], ['cdi.k8s.io/gpu', 'nvidia.com/gpu=all'],
    ['io.kubernetes.cri-o.Devices', '/dev/mem'], ['io.katacontainers.config.hypervisor.path', '/bin/sh'],
    ['kubernetes.io/config.mirror', 'x'], ['sidecar.istio.io/userVolume', '{}'], ['sidecar.istio.io/inject', 'true\n'],
    ['service.beta.kubernetes.io/aws-load-balancer-type', 'nlb'], ['security.alpha.kubernetes.io/unsafe-sysctls', 'kernel.msgmax=1'],
    ['volume.beta.kubernetes.io/storage-class', ''], ['acme.example.com/team', 'x'], ['x.acme.example/team', 'x'], ['backup.example/other', 'x'], ['Helm.sh/hook', 'x'],
  ] as const;
  for (const [name, value] of refused) {
    it(`E12 refuses ${name} ${JSON.stringify(value)}`, () => {
      const field = `metadata.annotations["${name}"]`;
      assert.deepEqual(refusedFields(annotated(name, value)), [field]);
    });
  }

  it('E12 is not fooled by an operator’s list that says too much', () => {
    for (const extraAnnotations of [['/'], [''], ['*'], ['nginx.ingress.kubernetes.io']]) {
      assert.equal(
        refusals(annotated('nginx.ingress.kubernetes.io/server-snippet', 'x'), { extraAnnotations }).length,
        1,
      );
    }
  });
});
