/** Payloads that GitHub publishes, by event. */
import examples from '@octokit/webhooks-examples' with { type: 'json' };

export interface EventExamples {
  /** As `X-GitHub-Event` has it. */
  readonly name: string;
  readonly examples: readonly unknown[];
}

// The package's declaration describes another version of GitHub.
export const webhookExamples = examples as unknown as readonly EventExamples[];
