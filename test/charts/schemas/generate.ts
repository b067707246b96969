/**
 * Writes the schemas beside this file that charts are held against: `node test/charts/schemas/generate.ts`. They are those of
 * Kubernetes' own OpenAPI documents, and of custom resources', as packages made from them declare them: every field, what is
 * required, and its type. What a release adds is found by naming its package here.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseDeclaration, type Schema } from './declarations.ts';

interface Source {
  readonly file: string;
  readonly title: string;
  /** Package and version. */
  readonly from: string;
  /** `<apiVersion>/<Kind>` → declaration, a path in the package without `.d.ts`. */
  readonly kinds: Readonly<Record<string, string>>;
}

const models = 'dist/gen/models';
const kubernetesKinds = {
  ...kinds('v1', 'V1', ['ConfigMap', 'PersistentVolumeClaim', 'Pod', 'Secret', 'Service', 'ServiceAccount']),
  ...kinds('apps/v1', 'V1', ['Deployment', 'StatefulSet']),
  ...kinds('batch/v1', 'V1', ['Job']),
  ...kinds('autoscaling/v2', 'V2', ['HorizontalPodAutoscaler']),
  ...kinds('policy/v1', 'V1', ['PodDisruptionBudget']),
  ...kinds('networking.k8s.io/v1', 'V1', ['Ingress', 'NetworkPolicy']),
  ...kinds('rbac.authorization.k8s.io/v1', 'V1', ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding']),
  ...kinds('admissionregistration.k8s.io/v1', 'V1', ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding']),
};

// The package has no release made from 1.35.
const sources: readonly Source[] = [
  ...(
    [
      ['1.33', '1.3.0'],
      ['1.34', '1.4.0'],
      ['1.36', '2.0.1'],
    ] as const
  ).map(([release, version]) => ({
    file: `kubernetes-${release}.json`,
    title: `Kubernetes ${release}`,
    from: `@kubernetes/client-node@${version}`,
    kinds: kubernetesKinds,
  })),
  {
    file: 'prometheus-operator.json',
    title: 'Prometheus operator',
    from: '@kubernetes-models/prometheus-operator@6.0.0',
    kinds: customKinds('monitoring.coreos.com/v1', ['ServiceMonitor', 'PrometheusRule']),
  },
  {
    file: 'cert-manager.json',
    title: 'cert-manager',
    from: '@kubernetes-models/cert-manager@6.0.0',
    kinds: customKinds('cert-manager.io/v1', ['Certificate', 'ClusterIssuer', 'Issuer']),
  },
  {
    file: 'gateway-api.json',
    title: 'Gateway API',
    from: '@kubernetes-models/gateway-api@2.0.0',
    kinds: customKinds('gateway.networking.k8s.io/v1', ['Gateway', 'HTTPRoute']),
  },
];

const asked = process.argv.slice(2);
for (const source of sources) {
  if (asked.length > 0 && !asked.includes(source.file)) continue;
  const folder = mkdtempSync(path.join(tmpdir(), 'berth-schemas-'));
  try {
    execFileSync('npm', ['pack', '--silent', source.from], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
    const [archive = ''] = readdirSync(folder);
    execFileSync('tar', ['-xzf', archive], { cwd: folder });
    const text = JSON.stringify(schemaOf(source, path.join(folder, 'package')));
    writeFileSync(new URL(source.file, import.meta.url), `${text}\n`);
    console.log(`${source.file}: ${Math.round(text.length / 1024)} KiB`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function schemaOf({ title, from, kinds }: Source, root: string) {
  const definitions: Record<string, Schema> = {};
  const waiting = Object.values(kinds);
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (file in definitions) continue;
    const folder = path.posix.dirname(file);
    definitions[file] = parseDeclaration(readFileSync(path.join(root, `${file}.d.ts`), 'utf8'), (module) => {
      const target = path.posix.join(folder, module.replace(/\.js$/, ''));
      // Another package's: metadata and selectors, which Kubernetes' own schemas judge.
      if (!module.startsWith('.') || !existsSync(path.join(root, `${target}.d.ts`))) return {};
      waiting.push(target);
      return { $ref: `#/definitions/${nameOf(target)}` };
    });
  }
  return {
    $comment: `${title}, from ${from}`,
    kinds: Object.fromEntries(Object.entries(kinds).map(([kind, file]) => [kind, nameOf(file)])),
    definitions: Object.fromEntries(Object.entries(definitions).map(([file, schema]) => [nameOf(file), schema])),
  };
}

/** What a file's declaration is called among the definitions. */
function nameOf(file: string): string {
  return path.posix
    .relative(models, file)
    .replace(/^(?:\.\.\/)+/, '')
    .replaceAll('/', '.');
}

function kinds(apiVersion: string, prefix: string, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [`${apiVersion}/${name}`, `${models}/${prefix}${name}`]));
}

function customKinds(apiVersion: string, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [`${apiVersion}/${name}`, `${apiVersion}/${name}`]));
}
