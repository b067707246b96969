import type { Plan } from '../../src/domain/plan.ts';
import type { PullRequest } from '../../src/domain/preview.ts';

export const revision = 'a'.repeat(40);

/** A plan with one image to build, with what a test wants to be different. */
export function samplePlan(changes: Partial<Plan> = {}): Plan {
  return {
    revision,
    chartRevision: revision,
    trust: 'trusted',
    images: [
      {
        kind: 'build',
        name: 'web',
        ref: 'registry.test/acme/shop/web:c-1',
        build: { context: '', dockerfile: 'Dockerfile', target: undefined, args: {} },
      },
    ],
    chart: { kind: 'built-in' },
    values: {},
    valuesFiles: [],
    routes: [{ name: 'web', service: 'web', port: 80, host: 'pr-1-shop-abc', url: 'http://pr-1-shop-abc.test' }],
    about: { number: 1, branch: 'topic', repository: 'acme/shop' },
    ...changes,
  };
}

/** An open pull request from the repository itself, with what a test wants to be different. */
export function samplePullRequest(changes: Partial<PullRequest> = {}): PullRequest {
  return {
    key: { repositoryId: 7, number: 1 },
    repository: { id: 7, owner: 'acme', name: 'shop', cloneUrl: 'https://github.test/acme/shop.git' },
    state: 'open',
    title: 'A change',
    url: 'https://github.test/acme/shop/pull/1',
    draft: false,
    author: 'mona',
    labels: [],
    head: { revision, branch: 'topic', repositoryId: 7 },
    base: { branch: 'main', revision: 'b'.repeat(40) },
    ...changes,
  };
}
