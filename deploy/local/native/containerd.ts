import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { networks, podRegistryHost } from '../addresses.ts';
import { startDaemon } from '../daemons.ts';
import type { Places } from '../places.ts';
import { run } from '../run.ts';
import { treePath } from '../tools.ts';
import { pauseImage } from '../base-images.ts';

/** Where containerd answers; both the kubelet and dockerd use it, each in a namespace of its own. */
export function containerdSocket(places: Places): string {
  return path.join(places.run, 'containerd.sock');
}

/** Starts containerd with the pods' network. */
export async function startContainerd(places: Places, tree: string): Promise<void> {
  const config = path.join(places.run, 'containerd.toml');
  const cni = path.join(places.run, 'cni');
  await mkdir(cni, { recursive: true });
  await writeFile(path.join(cni, '10-berth.conflist'), JSON.stringify(podNetwork(places), undefined, 2));
  const registries = await writeRegistries(places);
  await writeFile(config, configuration(places, tree, { cni, registries }, await mayLowerOomScore()));
  const socket = containerdSocket(places);
  const ctr = path.join(tree, 'usr/bin/ctr');
  await startDaemon(places, {
    name: 'containerd',
    argv: [path.join(tree, 'usr/bin/containerd'), '--config', config],
    env: { ...process.env, PATH: treePath(tree) },
    ready: async () => (await run([ctr, '--address', socket, 'version'], { timeoutMs: 5000 })) !== '',
  });
}

/** A TOML string; its escapes are JSON's. */
function text(value: string): string {
  return JSON.stringify(value);
}

interface Folders {
  readonly cni: string;
  readonly registries: string;
}

function configuration(places: Places, tree: string, { cni, registries }: Folders, fullOomScores: boolean): string {
  const under = (name: string): string => text(path.join(places.scratch, name));
  return `version = 2
root = ${under('containerd')}
state = ${text(path.join(places.run, 'containerd'))}
[grpc]
  address = ${text(containerdSocket(places))}
[plugins."io.containerd.internal.v1.opt"]
  path = ${under('containerd-opt')}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${text(pauseImage)}
  # Without CAP_SYS_RESOURCE no sandbox would start: "can't get final child's PID from pipe".
  restrict_oom_score_adj = ${!fullOomScores}
  netns_mounts_under_state_dir = true
  max_concurrent_downloads = 10
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = ${text(registries)}
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${text(path.join(tree, 'usr/lib/cni'))}
    conf_dir = ${text(cni)}
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      BinaryName = ${text(path.join(tree, 'usr/sbin/runc'))}
      Root = ${text(path.join(places.run, 'runc'))}
      SystemdCgroup = false
`;
}

/** Only to `localhost` does containerd speak plain HTTP unasked. Source: github.com/containerd/containerd/blob/main/docs/hosts.md */
async function writeRegistries(places: Places): Promise<string> {
  const registries = path.join(places.run, 'registries');
  const url = text(`http://${podRegistryHost}`);
  await mkdir(path.join(registries, podRegistryHost), { recursive: true });
  await writeFile(path.join(registries, podRegistryHost, 'hosts.toml'), `server = ${url}\n[host.${url}]\n`);
  return registries;
}

function podNetwork(places: Places): object {
  return {
    cniVersion: '0.4.0',
    name: 'berth',
    plugins: [
      {
        type: 'bridge',
        bridge: networks.podBridge,
        isGateway: true,
        hairpinMode: true, // a pod may reach itself through its service
        ipam: {
          type: 'host-local',
          dataDir: path.join(places.run, 'pod-addresses'),
          ranges: [[{ subnet: networks.podCidr, gateway: networks.podGateway }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

/** Whether this process has CAP_SYS_RESOURCE (bit 24). */
async function mayLowerOomScore(): Promise<boolean> {
  const status = await readFile('/proc/self/status', 'utf8');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & (1n << 24n)) !== 0n;
}
