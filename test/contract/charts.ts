/** Charts for tests, written to disk. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
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

/** Names with a folder are paths in the chart; others that are not Helm's own are templates. */
export type ChartContent = Readonly<Record<string, string | Buffer>>;

const own = new Set(['Chart.yaml', 'values.yaml', 'values.schema.json']);

function pathOf(name: string): string {
  return own.has(name) || name.includes('/') ? name : `templates/${name}`;
}

/** A chart in a folder of its own. */
export async function chartFolder(files: ChartContent): Promise<ChartFolder> {
  const root = await mkdtemp(path.join(tmpdir(), 'berth-chart-'));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, pathOf(name));
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  return { path: root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

/** A packed chart, as it lies in `charts/`; `name` is its folder in the archive. */
export function packedChart(name: string, files: ChartContent): Buffer {
  const entries = Object.entries(files).flatMap(([file, content]) => {
    const data = Buffer.from(content);
    return [tarHeader(`${name}/${pathOf(file)}`, data.length), data, Buffer.alloc((512 - (data.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]));
}

function tarHeader(name: string, sizeBytes: number): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  // The sum counts itself as spaces.
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
