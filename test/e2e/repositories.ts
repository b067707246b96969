/** Small repositories for end-to-end tests, as files by path. */
export type Files = Readonly<Record<string, string>>;

const base = 'FROM localhost:5000/library/busybox:stable';
const serve = `EXPOSE 8080
USER 65534:65534
CMD ["sh", "-c", "trap 'exit 0' TERM; httpd -f -p 8080 -h /srv & wait $!"]
`;

/** One page, which shows `text` and the commit it was built from. */
export function page(text: string): Files {
  return { 'index.html': `<p>${text} built from @REVISION@</p>\n`, Dockerfile: pageDockerfile() };
}

/** The same, with a build that takes `seconds` longer before it gets anywhere. */
export function slowPage(text: string, seconds: number): Files {
  return { ...page(text), Dockerfile: pageDockerfile(`RUN sleep ${seconds}`) };
}

function pageDockerfile(step = ''): string {
  return `${base}
COPY index.html /srv/
${step}
ARG BERTH_REVISION=unknown
RUN sed -i "s/@REVISION@/$BERTH_REVISION/" /srv/index.html
${serve}`;
}

/** What Pod Security `restricted` asks of a pod, and of each container. */
const restrictedPod =
  'securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: RuntimeDefault } }';
const restrictedContainer = 'securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }';

/** A page whose chart has a hook that keeps Helm busy for `seconds` after the installation. */
export function slowRelease(seconds: number): Files {
  return {
    ...page('slow release'),
    '.berth.yaml': 'routes:\n  web: { service: web, port: 80 }\nvalues:\n  image: "${images.web}"\n',
    'chart/Chart.yaml': 'apiVersion: v2\nname: slow\nversion: 1.0.0\n',
    'chart/templates/web.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      ${restrictedPod}
      containers:
        - name: web
          image: {{ .Values.image }}
          ${restrictedContainer}
          ports: [{ containerPort: 8080 }]
          readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
`,
    'chart/templates/hook.yaml': `apiVersion: batch/v1
kind: Job
metadata:
  name: slow
  annotations: { helm.sh/hook: post-install, helm.sh/hook-delete-policy: before-hook-creation }
spec:
  template:
    spec:
      restartPolicy: Never
      ${restrictedPod}
      containers:
        - name: slow
          image: {{ .Values.image }}
          command: [sh, -c, "trap 'exit 1' TERM; sleep ${seconds} & wait $!"]
          ${restrictedContainer}
`,
  };
}

/** A Dockerfile whose line 3 fails. */
export const brokenBuild: Files = {
  Dockerfile: `${base}\nRUN echo fetching things\nRUN echo no such thing >&2 && exit 7\n`,
};

/** A container that says why and ends with exit code 3. */
export const crashing: Files = {
  Dockerfile: `${base}\nUSER 65534:65534\nCMD ["sh", "-c", "echo DATABASE_URL is not set >&2; exit 3"]\n`,
};

/** A chart that names an image which no registry has. */
export const unpullable: Files = {
  ...slowRelease(0),
  '.berth.yaml': 'routes:\n  web: { service: web, port: 80 }\nvalues:\n  image: localhost:5000/nobody/nothing:1\n',
  'chart/templates/hook.yaml': '',
};

/** A chart whose pod wants the network of its node. */
export const greedy: Files = {
  ...slowRelease(0),
  'chart/templates/web.yaml': (slowRelease(0)['chart/templates/web.yaml'] ?? '').replace(
    '      containers:',
    '      hostNetwork: true\n      containers:',
  ),
  'chart/templates/hook.yaml': '',
};

/** A manifest with mistakes in lines 2 and 4. */
export const badManifest: Files = {
  ...page('never built'),
  '.berth.yaml': 'images:\n  web: { contxt: . }\nroutes:\n  web: { service: web, port: eighty }\n',
};
