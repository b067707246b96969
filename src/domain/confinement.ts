/** What confines a preview when the operator does not say otherwise, and the lists in which operators say so. Pure. */
import { parseQuantity } from './quantity.ts';

/** Amounts by resource, e.g. `{ cpu: '2', memory: '1Gi' }`. */
export type Quantities = Readonly<Record<string, string>>;

/** Sums for a whole preview, and numbers of objects, which stop a chart that makes them without end. */
export const defaultQuota: Quantities = {
  pods: '20',
  'requests.cpu': '4',
  'requests.memory': '8Gi',
  'limits.cpu': '16',
  'limits.memory': '16Gi',
  'limits.ephemeral-storage': '64Gi',
  persistentvolumeclaims: '5',
  'requests.storage': '20Gi',
  // Those that have ended too.
  'count/pods': '200',
  services: '30',
  configmaps: '100',
  // With Helm's own, one for each of the revisions that it keeps.
  secrets: '100',
  'count/serviceaccounts': '30',
  'count/deployments.apps': '50',
  'count/statefulsets.apps': '30',
  'count/daemonsets.apps': '5',
  // A deployment keeps ten old ones.
  'count/replicasets.apps': '600',
  'count/jobs.batch': '50',
  'count/cronjobs.batch': '20',
  'count/ingresses.networking.k8s.io': '20',
};

/** What one container requests and is limited to when it does not say, and what it may say at most. */
export const defaultContainers = {
  requests: { cpu: '50m', memory: '128Mi', 'ephemeral-storage': '64Mi' },
  limits: { cpu: '2', memory: '1Gi', 'ephemeral-storage': '2Gi' },
  max: { cpu: '4', memory: '8Gi', 'ephemeral-storage': '16Gi' },
} as const satisfies Readonly<Record<string, Quantities>>;

/** Where trusted previews may not connect to, although they may connect to the internet. */
export const defaultBlockedCidrs: readonly string[] = [
  // Private and shared ranges, where nodes, pods, services and their neighbours are; some clouds use the last one too.
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '198.18.0.0/15',
  '240.0.0.0/4',
  'fc00::/7',
  // Link-local ones, and clouds' metadata services that are elsewhere: Azure's and Oracle's.
  '169.254.0.0/16',
  'fe80::/10',
  '168.63.129.16/32',
  '192.0.0.0/24',
  // IPv4 in IPv6's clothes: translated (NAT64) and tunnelled (6to4).
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '2002::/16',
];

/** Such as `pods` or `count/jobs.batch`. Source: kubernetes.io/docs/concepts/policy/resource-quotas */
const resource = /^[a-z][a-z0-9./-]{0,120}$/;

/** The amounts in a list such as `pods=30,limits.memory=32Gi`, or a sentence on what is wrong with it. */
export function parseQuantities(text: string): Quantities | string {
  const quantities: Record<string, string> = {};
  const items = text.split(',').map((item) => item.trim());
  for (const item of items.filter(Boolean)) {
    const [name = '', amount = '', ...rest] = item.split('=').map((it) => it.trim());
    if (rest.length > 0 || !resource.test(name)) return `"${item}" is not like pods=30`;
    if (parseQuantity(amount) === undefined) return `"${amount}" is not an amount such as 500m, 2 or 8Gi`;
    quantities[name] = amount;
  }
  return quantities;
}

/** The first resource of which the lower amounts have more than the upper ones. */
export function firstAbove(lower: Quantities, upper: Quantities): string | undefined {
  return Object.entries(lower).find(([name, amount]) => {
    const most = upper[name];
    return most !== undefined && (parseQuantity(amount) ?? 0n) > (parseQuantity(most) ?? 0n);
  })?.[0];
}
