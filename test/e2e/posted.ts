/** Waiting for what Berth posts on pull requests. */
import type { Simulator } from '../simulator/simulator.ts';

export interface Posted {
  /** Waits until GitHub says that this revision runs. @returns the URL posted. */
  running(repo: string, number: number, revision: string): Promise<string>;
  /** Waits until our comment matches. @returns its text. */
  commented(repo: string, number: number, pattern: RegExp): Promise<string>;
}

/** How long anything may take before a test gives up; failing is always earlier when it is certain. */
const patienceMs = 120_000;

/** What is posted on this GitHub. */
export function postedOn(github: Simulator): Posted {
  const ours = (repo: string, number: number) =>
    github.comments(repo, number).find(({ user }) => user.login === github.app.login)?.body;
  return {
    running: (repo, number, revision) =>
      github.until(
        () => {
          const deployment = github.deployments(repo, number).find(({ sha }) => sha === revision);
          const status = deployment?.statuses.at(-1);
          return status?.state === 'success' ? status.environmentUrl : undefined;
        },
        { what: `${revision} to run`, timeoutMs: patienceMs },
      ),
    commented: (repo, number, pattern) =>
      github.until(
        () => {
          const body = ours(repo, number);
          return body !== undefined && pattern.test(body) ? body : undefined;
        },
        { what: `a comment like ${pattern}`, timeoutMs: patienceMs },
      ),
  };
}
