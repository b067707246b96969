/**
 * What Kubernetes' Pod Security Standard `baseline` forbids, the fields of all its versions together.
 * Source: kubernetes.io/docs/concepts/security/pod-security-standards, k8s.io/pod-security-admission (1.37).
 */
import type { Place } from './place.ts';
import { containersOf, type PodTemplate } from './pod-specs.ts';
import { isInUserNamespace, securityContextsOf } from './pod-security.ts';
import { quoted } from './refusals.ts';

export function checkBaseline({ metadata, spec }: PodTemplate, kubernetesMinor: number | undefined): void {
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC']) {
    if (spec.at(name).flag() === true) refuse(spec.at(name), 'host namespaces');
  }
  for (const volume of spec.at('volumes').items()) {
    if (!volume.at('hostPath').isAbsent) refuse(volume.at('hostPath'), 'hostPath volumes');
  }
  for (const sysctl of spec.at('securityContext', 'sysctls').items()) {
    const name = sysctl.at('name').text() ?? '';
    if (!safeSysctls.has(name)) refuse(sysctl.at('name'), `unsafe sysctl ${quoted(name)}`);
  }
  for (const context of securityContextsOf(spec)) {
    const hostProcess = context.at('windowsOptions', 'hostProcess');
    if (hostProcess.flag() === true) refuse(hostProcess, 'hostProcess containers');
    checkSelinux(context.at('seLinuxOptions'));
    checkProfile(context.at('appArmorProfile'), 'AppArmor');
    checkProfile(context.at('seccompProfile'), 'seccomp');
  }
  for (const container of containersOf(spec)) checkContainer(container, isInUserNamespace(spec, kubernetesMinor));
  checkAnnotations(metadata.at('annotations'));
}

function checkContainer(container: Place, isInUserNamespace: boolean): void {
  const context = container.at('securityContext');
  if (context.at('privileged').flag() === true) refuse(context.at('privileged'), 'privileged containers');
  for (const capability of context.at('capabilities', 'add').items()) {
    const name = capability.text() ?? '';
    if (!defaultCapabilities.has(name)) refuse(capability, `capability ${quoted(name)}`);
  }
  const procMount = context.at('procMount').text();
  if (procMount !== undefined && procMount !== 'Default' && !isInUserNamespace) {
    refuse(context.at('procMount'), 'procMount other than "Default"');
  }
  for (const port of container.at('ports').items()) {
    if ((port.at('hostPort').number() ?? 0) !== 0) refuse(port.at('hostPort'), 'host ports');
  }
  const probes = ['livenessProbe', 'readinessProbe', 'startupProbe'].map((name) => container.at(name));
  const hooks = ['postStart', 'preStop'].map((name) => container.at('lifecycle', name));
  for (const handler of [...probes, ...hooks]) {
    for (const action of ['httpGet', 'tcpSocket']) {
      const host = handler.at(action, 'host');
      if ((host.text() ?? '') !== '') refuse(host, 'hosts in probes and lifecycle hooks');
    }
  }
}

function checkSelinux(options: Place): void {
  const type = options.at('type').text() ?? '';
  if (!selinuxTypes.has(type)) refuse(options.at('type'), `SELinux type ${quoted(type)}`);
  for (const name of ['user', 'role']) {
    if ((options.at(name).text() ?? '') !== '') refuse(options.at(name), `SELinux ${name}`);
  }
}

function checkProfile(profile: Place, what: string): void {
  if (profile.isAbsent) return;
  const type = profile.at('type').text() ?? '';
  if (!profileTypes.has(type)) refuse(profile.at('type'), `${what} profile ${quoted(type)}`);
}

/** How profiles were named before there were fields: AppArmor before 1.30, seccomp before 1.19. */
function checkAnnotations(annotations: Place): void {
  for (const [name, value, place] of annotations.texts()) {
    if (name.startsWith('container.apparmor.security.beta.kubernetes.io/')) {
      if (value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/')) {
        refuse(place, `AppArmor profile ${quoted(value)}`);
      }
    } else if (
      name === 'seccomp.security.alpha.kubernetes.io/pod' ||
      // Upstream looks only at those of the pod's containers; one that names no container is a mistake or a trap.
      name.startsWith('container.seccomp.security.alpha.kubernetes.io/')
    ) {
      if (value !== 'runtime/default' && value !== 'docker/default' && !value.startsWith('localhost/')) {
        refuse(place, `seccomp profile ${quoted(value)}`);
      }
    }
  }
}

function refuse(place: Place, rule: string): void {
  place.refuse(`Pod Security "baseline": ${rule}`);
}

const profileTypes: ReadonlySet<string> = new Set(['RuntimeDefault', 'Localhost']);
// biome-ignore format: a list
const defaultCapabilities: ReadonlySet<string> = new Set([
  'AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP', 'SETGID',
  'SETPCAP', 'SETUID', 'SYS_CHROOT',
]);
// biome-ignore format: a list
const selinuxTypes: ReadonlySet<string> = new Set([
  '', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t',
]);
/** Kubelets that are older than one of them refuse it by themselves. */
// biome-ignore format: a list
const safeSysctls: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.ip_local_reserved_ports', 'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem', 'net.ipv4.tcp_slow_start_after_idle', 'net.ipv4.tcp_notsent_lowat',
]);
