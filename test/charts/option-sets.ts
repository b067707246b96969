/** Values of charts/berth that are rendered: together they use every option that there is. */
import type { Values } from './helm.ts';

/** What must be filled in, and nothing else. */
export const least: Values = {
  previews: { domain: 'previews.example.com' },
  registry: { repository: 'registry.example.com/previews' },
  github: { existingSecret: 'berth-github' },
};

const places: Values = {
  nodeSelector: { pool: 'berth' },
  tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'berth', effect: 'NoSchedule' }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'pool', operator: 'In', values: ['berth'] }] }],
      },
    },
  },
  priorityClassName: 'high',
};

const additions: Values = {
  env: [{ name: 'HTTPS_PROXY', value: 'http://proxy.example.com:3128' }],
  volumes: [{ name: 'extra', configMap: { name: 'extra' } }],
  volumeMounts: [{ name: 'extra', mountPath: '/extra' }],
};

const spread = [
  {
    maxSkew: 1,
    topologyKey: 'topology.kubernetes.io/zone',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: { team: 'platform' } },
  },
];

const role: Values = {
  replicas: 3,
  resources: { requests: { cpu: '300m', memory: '384Mi' }, limits: { memory: '768Mi' } },
  data: { sizeLimit: '3Gi', medium: 'Memory' },
  podDisruptionBudget: { enabled: true, maxUnavailable: '40%' },
  ...places,
  topologySpreadConstraints: spread,
  serviceAccountAnnotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/berth' },
  podAnnotations: { 'example.com/note': 'role' },
  podLabels: { team: 'platform' },
  ...additions,
};

const scaled: Values = {
  ...role,
  autoscaling: { enabled: true, minReplicas: 3, maxReplicas: 9, cpuPercent: 60, memoryPercent: 75 },
};

const builders: Values = {
  enabled: true,
  replicas: 3,
  image: 'registry.example.com/mirror/buildkit:v0.32.2-rootless',
  pullPolicy: 'Always',
  storage: { size: '200Gi', className: 'fast' },
  cache: { maxUsed: '70%', minFree: '20GB' },
  maxParallelism: 4,
  config: '[registry."docker.io"]\n  mirrors = ["mirror.example.com"]\n',
  resources: { requests: { cpu: '2', memory: '4Gi' }, limits: { cpu: '8', memory: '16Gi' } },
  ...places,
  runtimeClassName: 'gvisor',
  podAnnotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' },
};

const peer = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'elsewhere' } } };

/** Every variable that `config` takes. */
export const config: Values = {
  TRUSTED_PROXIES: '10.0.0.0/8',
  WEBHOOK_REFUSAL_LIMIT: 120,
  GATEWAY_REQUEST_LIMIT: 1000,
  GATEWAY_PAGE_LIMIT: '100',
  GATEWAY_CONNECTION_LIMIT: 0,
  PRIVATE_COOKIES: '_oauth2_proxy*',
  LOG_LEVEL: 'debug',
  INSTANCE: 'second',
  REDIS_PREFIX: '{second}',
  UNTRUSTED_REGISTRIES: 'docker.io',
  BUILDX: '/usr/local/bin/docker-buildx',
  PLATFORM: 'linux/arm64',
  BUILD_TIMEOUT: '1h',
  BUILD_CONCURRENCY: 10,
  IMAGE_RETENTION: '3d',
  HELM: '/usr/local/bin/helm',
  HELM_TIMEOUT: '15m',
  HELM_CONCURRENCY: '8',
  DEPLOYER_ROLE: 'preview-deployer',
  POD_SECURITY: 'baseline',
  CHART_KINDS: 'postgresql.cnpg.io/Cluster',
  CHART_ANNOTATIONS: 'acme.io/',
  UNTRUSTED_RUNTIME_CLASS: 'gvisor',
  SECRETS_NAMESPACE: 'berth-secrets',
  QUOTA_CPU: 8,
  QUOTA_MEMORY: '16Gi',
  QUOTA_PODS: '40',
  QUOTA: 'pods=40',
  QUOTA_UNTRUSTED: 'pods=5',
  CONTAINER_REQUESTS: 'cpu=100m',
  CONTAINER_LIMITS: 'cpu=1',
  CONTAINER_MAX: 'cpu=8',
  GATEWAY_CIDRS: '192.0.2.0/24',
  RESOLVERS: 'kube-system,10.96.0.10/32',
  EGRESS: 'none',
  EGRESS_UNTRUSTED: 'internet',
  EGRESS_BLOCKED: '203.0.113.0/24',
  EGRESS_ALLOWED: '10.1.2.3/32',
  EGRESS_ALLOWED_UNTRUSTED: '10.1.2.4/32',
  GIT: '/usr/bin/git',
  CA_CERTIFICATES: '-----BEGIN CERTIFICATE-----\nTm90IG9uZQ==\n-----END CERTIFICATE-----\n',
  READY_TIMEOUT: '20m',
  IMAGE_TIMEOUT: '1h',
  REMOVAL_TIMEOUT: '5m',
  UNINSTALL_TIMEOUT: '2m',
  SWEEP_INTERVAL: '5m',
  RESYNC_INTERVAL: '2h',
  SHUTDOWN_TIMEOUT: '1m',
};

/** Secrets that values hold: they may be in Secrets and nowhere else. */
export const secrets = {
  privateKey: '-----BEGIN RSA PRIVATE KEY-----\nTm90IGEga2V5IGJ1dCBzZWNyZXQ=\n-----END RSA PRIVATE KEY-----\n',
  webhookSecret: 'webhook-secret-of-the-tests',
  webhookSecretOld: 'older-secret-of-the-tests',
} as const;

const optionSets: Readonly<Record<string, Values>> = {
  'nothing but what is needed': {},
  'the App among the values, everything named': {
    previews: { domain: 'pr.example.org', scheme: 'http', port: 8080 },
    github: {
      appId: 1234567,
      ...secrets,
      existingSecret: '',
      apiUrl: 'https://ghe.example.com/api/v3',
      environment: 'pr',
      accounts: ['acme', 'octo-cat'],
    },
    registry: { repository: 'r.example.org:5000/x', insecure: ['r.example.org:5000'], dockerConfigSecret: 'registry' },
    image: {
      repository: 'registry.example.com/berth',
      tag: '9.9.9',
      digest: `sha256:${'0'.repeat(64)}`,
      pullPolicy: 'Always',
      pullSecrets: [{ name: 'pull' }],
    },
    labels: { team: 'platform' },
    fullnameOverride: 'previews',
  },
  'an image by its tag': { image: { tag: '9.9.9' } },
  'all roles together': { together: { enabled: true, ...role } },
  'all roles together, without a budget': { together: { replicas: 2, podDisruptionBudget: { enabled: false } } },
  'roles apart, each with all of its options': {
    together: { enabled: false },
    server: scaled,
    worker: scaled,
    gateway: scaled,
    sweep: role,
  },
  'roles apart without budgets': {
    together: { enabled: false },
    ...Object.fromEntries(
      ['server', 'worker', 'gateway', 'sweep'].map((name) => [
        name,
        { replicas: 4, podDisruptionBudget: { enabled: false } },
      ]),
    ),
  },
  'what all pods have': {
    pods: {
      ...places,
      topologySpreadConstraints: spread,
      annotations: { 'example.com/note': 'all' },
      labels: { tier: 'tools' },
      ...additions,
      runAsUser: 4000,
      runAsGroup: 4001,
      fsGroup: 4002,
    },
  },
  'numbers that the cluster chooses': { pods: { runAsUser: null, runAsGroup: null, fsGroup: null } },
  'an Ingress': {
    expose: {
      via: 'ingress',
      webhook: { host: 'hooks.example.com' },
      ingress: {
        className: 'nginx',
        annotations: { 'cert-manager.io/cluster-issuer': 'letsencrypt' },
        tls: { enabled: true, previewsSecret: 'wildcard', webhookSecret: 'hooks' },
      },
    },
  },
  'an Ingress without certificates': { expose: { ingress: { tls: { enabled: false } } } },
  'the Gateway API': {
    expose: {
      via: 'gateway',
      gateway: {
        parentRefs: [{ name: 'public', namespace: 'gateways', sectionName: 'https' }],
        timeouts: { request: '60s', backendRequest: '30s' },
        annotations: { 'example.com/note': 'route' },
      },
    },
  },
  'load balancers': {
    expose: {
      via: 'loadBalancer',
      loadBalancer: {
        annotations: { 'networking.gke.io/load-balancer-type': 'Internal' },
        className: 'example.com/balancer',
        sourceRanges: ['203.0.113.0/24'],
        externalTrafficPolicy: 'Cluster',
        gatewayPort: 8081,
        webhookPort: 8080,
      },
    },
  },
  'a way in of your own': { expose: { via: 'none' } },
  'a Redis elsewhere': {
    redis: {
      enabled: false,
      external: {
        url: 'rediss+sentinel://sentinel-0.example.com:26379,sentinel-1.example.com:26379/berth/2',
        passwordSecret: 'redis',
        sentinelPassword: true,
        caSecret: 'redis-tls',
        clientCertificate: true,
      },
    },
  },
  'a Redis in the release': {
    redis: {
      existingSecret: 'redis-password',
      image: 'registry.example.com/mirror/redis:8.2.3',
      pullPolicy: 'Always',
      maxMemory: '1gb',
      storage: { size: '8Gi', className: 'fast' },
      resources: { requests: { cpu: '1', memory: '2Gi' }, limits: { memory: '2Gi' } },
      ...places,
      podAnnotations: { 'example.com/note': 'redis' },
    },
  },
  'builders for everybody': {
    buildkit: {
      trusted: { ...builders, tls: { existingSecret: 'builders', existingClientSecret: 'builders-client' } },
      untrusted: { ...builders, tls: { existingSecret: 'forks', existingClientSecret: 'forks-client' } },
    },
  },
  'certificates by cert-manager, a privileged builder for forks': {
    buildkit: {
      trusted: { tls: { certManager: true } },
      untrusted: { enabled: true, rootless: false, tls: { certManager: true } },
    },
  },
  'a privileged builder': { buildkit: { trusted: { rootless: false } } },
  'builders elsewhere': {
    buildkit: {
      trusted: { enabled: false },
      external: {
        endpoints: ['tcp://builder-0.example.com:1234', 'unix:///run/buildkit/buildkitd.sock'],
        untrustedEndpoints: ['tcp://forks.example.com:1234'],
        tlsSecret: 'builders',
      },
    },
  },
  'network policies of your own': { networkPolicies: { enabled: false } },
  'network policies to the letter': {
    buildkit: { untrusted: { enabled: true } },
    networkPolicies: {
      ingressFrom: [peer],
      metricsFrom: [peer],
      resolvers: [peer],
      apiServerPorts: [16443],
      internal: [peer],
      untrustedInternal: [peer],
    },
  },
  monitoring: {
    monitoring: {
      serviceMonitor: { enabled: true, interval: '15s', labels: { release: 'prometheus' } },
      prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
      dashboards: { enabled: true, labels: { dashboards: 'yes' }, annotations: { folder: 'Berth' } },
    },
  },
  'every variable': { config },
  'rights that others give': {
    rbac: { create: false },
    deployerRole: { create: false },
    admissionPolicy: { enabled: false },
    tests: { enabled: false },
  },
  'a short test': { tests: { doctor: false } },
  'a policy whatever the cluster says': { admissionPolicy: { enabled: true } },
};

/** Every set by its name, complete. */
export const completeSets: ReadonlyMap<string, Values> = new Map(
  Object.entries(optionSets).map(([name, values]) => [name, merge(least, values)]),
);

/** As Helm lays values over others: objects within each other, everything else whole. */
export function merge(lower: Values, upper: Values): Values {
  const merged: Record<string, Values[string]> = { ...lower };
  for (const [name, value] of Object.entries(upper)) {
    const below = merged[name];
    merged[name] = isValues(below) && isValues(value) ? merge(below, value) : value;
  }
  return merged;
}

export function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
