/** Charts for tests, written to disk. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { image } from './kubernetes-stack.ts';

export interface ChartFolder extends AsyncDisposable {
  readonly path: string;
}

/** What Pod Security `restricted` asks of a pod, and of each container. */
export const restrictedPod =
  'securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: RuntimeDefault } }';
export const restrictedContainer =
  'securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }';

/** A deployment and its service. */
export const goodTemplates: Readonly<Record<string, string>> = {
  'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'web.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      ${restrictedPod}
      containers: [{ name: web, image: "${image}", command: [httpd, -f, -p, "8080"], ${restrictedContainer} }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
`,
};

/** A job that Helm runs at these events. */
export function hook(name: string, events: string, script: string): string {
  return `
apiVersion: batch/v1
kind: Job
metadata: { name: ${name}, annotations: { "helm.sh/hook": "${events}" } }
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 0
      ${restrictedPod}
      containers: [{ name: hook, image: "${image}", command: [sh, -c, "${script}"], ${restrictedContainer} }]
`;
}

/** A chart in a folder of its own; files that are not Helm's own are templates. */
export async function chartFolder(files: Readonly<Record<string, string>>): Promise<ChartFolder> {
  const root = await mkdtemp(path.join(tmpdir(), 'berth-chart-'));
  await mkdir(path.join(root, 'templates'));
  for (const [name, content] of Object.entries(files)) {
    const isOwn = name === 'Chart.yaml' || name === 'values.yaml';
    await writeFile(path.join(root, isOwn ? name : `templates/${name}`), content);
  }
  return { path: root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}
