import { randomUUID } from 'node:crypto';
import type { Contract } from '../description/contract.ts';
import type { Violations } from '../description/violations.ts';
import type { Installation, Repository } from '../world/entities.ts';
import type { World } from '../world/world.ts';
import { type Delivery, type DeliveryMatch, matches } from './delivery.ts';
import { signatures, Transport } from './transport.ts';

export interface Event {
  readonly event: string;
  readonly action?: string;
  readonly installation?: Installation;
  readonly repository?: Repository;
  readonly payload: Readonly<Record<string, unknown>>;
}

export type Order = 'in order' | 'reversed' | ((a: Delivery, b: Delivery) => number);

interface Rule {
  readonly match: DeliveryMatch;
  readonly copies: number;
  left: number;
}

/** Events that an app receives whatever it subscribed to. */
const alwaysSent = new Set(['installation', 'installation_repositories', 'ping']);

/**
 * Events that GitHub offers only to apps with a permission: also what is said on a pull request is an issue's.
 * Source: docs.github.com/webhooks/webhook-events-and-payloads#issue_comment
 */
export const offeredWith: Readonly<Record<string, string>> = {
  issue_comment: 'issues',
  check_suite: 'checks',
  check_run: 'checks',
};

/** The app's webhook: sends each event once, keeps a list of attempts, and can be told to misbehave. */
export class Webhooks {
  readonly #world: World;
  readonly #contract: Contract | undefined;
  readonly #violations: Violations;
  readonly #transport = new Transport();
  readonly #stop = new AbortController();
  readonly #deliveries: Delivery[] = [];
  readonly #sending = new Set<Promise<void>>();
  readonly #rules: Rule[] = [];
  readonly hookId: number;
  secret: string;
  url: string | undefined;
  #held = false;

  constructor(world: World, violations: Violations, options: { url?: string; secret: string; contract?: Contract }) {
    this.#world = world;
    this.#violations = violations;
    this.#contract = options.contract;
    this.hookId = world.nextId();
    this.url = options.url;
    this.secret = options.secret;
  }

  /** Every attempt and every delivery still to come, oldest first. */
  get all(): readonly Delivery[] {
    return this.#deliveries;
  }

  /** Keeps new deliveries back until `release`. */
  hold(): void {
    this.#held = true;
  }

  /** Sends what was held, one after the other in the given order; afterwards new ones go out at once again. */
  async release(order: Order = 'in order'): Promise<void> {
    this.#held = false;
    const waiting = this.#deliveries.filter(({ state }) => state === 'held');
    if (order === 'reversed') waiting.reverse();
    else if (typeof order === 'function') waiting.sort(order);
    for (const delivery of waiting) await this.#send(delivery);
  }

  /** Lets the next `times` matching deliveries fail to reach the receiver; GitHub lists them as failed. */
  lose(match: DeliveryMatch = {}, times = Number.POSITIVE_INFINITY): void {
    this.#rules.push({ match, copies: 0, left: times });
  }

  /** Sends the next `times` matching deliveries `copies` times each, with the same GUID. */
  repeat(match: DeliveryMatch = {}, copies = 2, times = Number.POSITIVE_INFINITY): void {
    this.#rules.push({ match, copies, left: times });
  }

  /** Ends every `lose` and `repeat`. */
  behave(): void {
    this.#rules.length = 0;
  }

  emit({ event, action, installation, repository, payload }: Event): void {
    const { events, permissions } = this.#world.app;
    const offered = offeredWith[event] === undefined || permissions[offeredWith[event]] !== undefined;
    const subscribed = alwaysSent.has(event) || (offered && events.includes(event));
    if (!subscribed || (installation?.suspendedAt && event !== 'installation')) return;
    for (const message of this.#contract?.payloadProblems(event, action, payload) ?? []) {
      this.#violations.add({ kind: 'delivery', about: [event, action].filter(Boolean).join('.'), message });
    }
    const delivery = this.#add({
      guid: randomUUID(),
      event,
      action,
      installationId: installation?.id,
      repositoryId: repository?.id,
      redelivery: false,
      payload,
      body: JSON.stringify(payload),
    });
    if (this.#held) delivery.state = 'held';
    else void this.#send(delivery);
  }

  /** Sends a finished delivery again, as the button and the API of GitHub do. Resolves when the attempt is over. */
  async redeliver(id: number): Promise<Delivery> {
    const first = this.#deliveries.find((delivery) => delivery.id === id);
    if (!first) throw new Error(`the simulator has no delivery ${id}`);
    const { guid, event, action, installationId, repositoryId, payload, body } = first;
    const again = this.#add({ guid, event, action, installationId, repositoryId, payload, body, redelivery: true });
    await this.#send(again);
    return again;
  }

  /** Resolves when nothing is on its way any more; held deliveries do not count. */
  async settled(): Promise<void> {
    while (this.#sending.size > 0) await Promise.all(this.#sending);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.settled();
    this.#transport.close();
  }

  #add(
    made: Pick<
      Delivery,
      'guid' | 'event' | 'action' | 'installationId' | 'repositoryId' | 'redelivery' | 'payload' | 'body'
    >,
  ): Delivery {
    const delivery: Delivery = {
      ...made,
      id: this.#world.nextId(),
      state: 'sending',
      deliveredAt: this.#world.now(),
      durationMs: 0,
      status: '',
      statusCode: 0,
      requestHeaders: this.#headers(made.guid, made.event, made.body),
      responseHeaders: {},
      responseBody: '',
    };
    this.#deliveries.push(delivery);
    return delivery;
  }

  async #send(delivery: Delivery): Promise<void> {
    delivery.state = 'sending';
    const rule = this.#rules.find(({ match, left }) => left > 0 && matches(match, delivery));
    if (rule) rule.left -= 1;
    const attempt = this.#attempt(delivery, rule?.copies ?? 1);
    this.#sending.add(attempt);
    await attempt;
    this.#sending.delete(attempt);
  }

  async #attempt(delivery: Delivery, copies: number): Promise<void> {
    const { url } = this;
    delivery.deliveredAt = this.#world.now();
    if (url === undefined) {
      delivery.state = 'unsent';
    } else if (copies === 0) {
      Object.assign(delivery, { state: 'done', status: 'failed to connect to host', statusCode: 502 });
    } else {
      const startedAt = performance.now();
      const sent = Array.from({ length: copies }, () =>
        this.#transport.send(url, delivery.requestHeaders, delivery.body, this.#stop.signal),
      );
      const [received] = await Promise.all(sent);
      delivery.durationMs = performance.now() - startedAt;
      delivery.state = 'done';
      delivery.status = received?.status ?? '';
      delivery.statusCode = received?.statusCode ?? 0;
      delivery.responseHeaders = received?.headers ?? {};
      delivery.responseBody = received?.body ?? '';
    }
    this.#world.changed();
  }

  #headers(guid: string, event: string, body: string): Readonly<Record<string, string>> {
    return {
      accept: '*/*',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'GitHub-Hookshot/5c9d4e1',
      'x-github-delivery': guid,
      'x-github-event': event,
      'x-github-hook-id': String(this.hookId),
      'x-github-hook-installation-target-id': String(this.#world.app.id),
      'x-github-hook-installation-target-type': 'integration',
      ...signatures(this.secret, body),
    };
  }
}
