/** A GitHub Enterprise Server and a Berth that is installed in the cluster, for one file of end-to-end tests. */
import assert from 'node:assert/strict';
import { CoreV1Api, KubeConfig, type V1Namespace } from '@kubernetes/client-node';
import { buildBerthImage } from '../../deploy/local/berth-image.ts';
import type { LocalStack } from '../../deploy/local/stack.ts';
import { startBuildkitBridge } from '../contract/buildkit-bridge.ts';
import { uniqueWord } from '../e2e/berth-environment.ts';
import { type Posted, postedOn } from '../e2e/posted.ts';
import { type Answer, visit } from '../e2e/visit.ts';
import { localStack } from '../local-stack.ts';
import { type Simulator, startSimulator } from '../simulator/simulator.ts';
import { certificateAuthority } from './authority.ts';
import { type Door, type Installation, installation, type Values } from './installation.ts';

export interface InstalledWorld extends AsyncDisposable, Posted {
  readonly github: Simulator;
  readonly stack: LocalStack;
  readonly berth: Installation;
  /** What somebody who installs Berth here writes down. */
  readonly values: Values;
  /** `config` of these. */
  readonly config: Values;
  /** Installs or upgrades, with `more` instead of what `values` says of the same, and tells GitHub where webhooks go. */
  install(more?: Values): Promise<void>;
  /** GETs a preview through the gateway's Service, by the URL that Berth posted. */
  visit(url: string, path?: string): Promise<Answer>;
  /** GETs a preview and checks that its page shows the text, such as the commit it was built from. */
  shows(url: string, text: string): Promise<void>;
  /** The namespaces of previews, terminating ones too. */
  previews(): Promise<readonly V1Namespace[]>;
}

/** For a machine that does much else: a pod that rolls needs room beside the one that it replaces. */
export const frugal = { requests: { cpu: '50m', memory: '64Mi' } };

/** Starts all but Berth, which the first `install` brings. */
export async function startInstalledWorld(): Promise<InstalledWorld> {
  const stack = localStack();
  const name = uniqueWord('berth');
  const host = stack.hostFromPods;
  await using authority = await certificateAuthority();
  const [issued, { repository, digest }] = await Promise.all([authority.issue(host), buildBerthImage(stack)]);
  const github = await startSimulator({ host, tls: issued });
  const tls = { authority: authority.certificate, ...issued };
  const buildkit = await startBuildkitBridge(stack.dockerHost, { host, tls });
  const berth = await installation(stack, name);
  const settings = { CA_CERTIFICATES: authority.certificate, LOG_LEVEL: 'debug', SWEEP_INTERVAL: '10s' };
  const values: Values = {
    previews: { domain: 'localhost', scheme: 'http' },
    github: {
      appId: github.app.id,
      privateKey: github.app.privateKey,
      webhookSecret: github.app.webhookSecret,
      apiUrl: github.apiUrl,
    },
    registry: { repository: `${stack.podRegistry}/${name}`, insecure: [stack.podRegistry] },
    image: { repository, digest },
    together: { resources: frugal },
    redis: { image: `${stack.registry}/library/redis:7`, resources: frugal },
    buildkit: { trusted: { enabled: false }, external: { endpoints: [buildkit.url], tlsSecret: 'buildkit' } },
    config: settings,
  };
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(stack.kubeconfig);
  const cluster = kubeConfig.makeApiClient(CoreV1Api);

  let gateway: Door = { address: '', port: 0 };
  const world: InstalledWorld = {
    github,
    stack,
    berth,
    values,
    config: settings,
    ...postedOn(github),
    async install(more = {}) {
      await berth.secret('buildkit', { 'ca.crt': tls.authority, 'tls.crt': tls.certificate, 'tls.key': tls.key });
      await berth.install({ ...values, ...more });
      gateway = await berth.door('gateway');
      const { address, port } = await berth.door('server');
      github.setWebhookUrl(`http://${address}:${port}/webhooks/github`);
    },
    visit: (url, path = '/') => visit(gateway, new URL(url).hostname, path),
    async shows(url, text) {
      const { status, body } = await world.visit(url);
      assert.equal(status, 200, body);
      assert.ok(body.includes(text), `${url} does not show ${text}: ${body}`);
    },
    previews: async () => (await cluster.listNamespace({ labelSelector: `berth.dev/instance=${name}` })).items,
    async [Symbol.asyncDispose]() {
      await berth[Symbol.asyncDispose]();
      await buildkit[Symbol.asyncDispose]();
      await github.close();
    },
  };
  return world;
}
