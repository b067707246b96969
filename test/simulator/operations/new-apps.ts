import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { Access, App, Permissions } from '../world/entities.ts';
import type { World } from '../world/world.ts';
import { offeredWith } from '../webhooks/webhooks.ts';

/** What GitHub reads in a manifest; anything else is refused here, where GitHub would not notice. */
export interface Manifest {
  readonly name?: string;
  readonly description?: string;
  readonly url: string;
  readonly hook_attributes?: { readonly url: string; readonly active?: boolean };
  readonly redirect_url?: string;
  readonly callback_urls?: readonly string[];
  readonly setup_url?: string;
  readonly public?: boolean;
  readonly default_events?: readonly string[];
  readonly default_permissions?: Permissions;
  readonly request_oauth_on_install?: boolean;
  readonly setup_on_update?: boolean;
}

// biome-ignore format: a list
const known = new Set([
  'name', 'description', 'url', 'hook_attributes', 'redirect_url', 'callback_urls', 'setup_url', 'public',
  'default_events', 'default_permissions', 'request_oauth_on_install', 'setup_on_update',
]);

/** A code that a person was sent away with. */
export interface NewAppCode {
  readonly app: App;
  readonly isPublic: boolean;
  readonly description: string;
  readonly homeUrl: string;
  readonly webhookUrl: string | undefined;
  readonly givenAt: Date;
}

/** GitHub's limit. Source: docs.github.com, "Registering a GitHub App from a manifest". */
const codeLifetimeMs = 3_600_000;
const longestName = 34;

/** Events that an app is sent without asking, and must not ask for. */
const neverChosen = new Set(['installation', 'installation_repositories', 'github_app_authorization', 'ping']);

/**
 * What GitHub's page says against a manifest, in its words as far as they are known; `undefined` when it is right.
 * Seen in: tuist/tuist#10709 (events), alp82/curia#933 (a webhook without a URL).
 */
export function manifestProblem(text: string): { readonly problem: string } | { readonly manifest: Manifest } {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch {
    return { problem: 'The configuration does not appear to be a valid GitHub App manifest.' };
  }
  const unknown = Object.keys(manifest).filter((key) => !known.has(key));
  if (unknown.length > 0) return { problem: `Error: ${unknown.join(', ')} is no parameter of a manifest.` };
  if (!isUrl(manifest.url)) return { problem: 'Error: "url" wasn\'t supplied.' };
  if (manifest.hook_attributes !== undefined && !isUrl(manifest.hook_attributes.url)) {
    return { problem: 'Error: "url" wasn\'t supplied.' };
  }
  if (manifest.redirect_url !== undefined && !isUrl(manifest.redirect_url)) {
    return { problem: 'Error: Redirect url must be a valid URL.' };
  }
  const permissions = manifest.default_permissions ?? {};
  const events = manifest.default_events ?? [];
  const unsupported = events.filter((event) => neverChosen.has(event));
  if (unsupported.length > 0) return { problem: `Error: Default events unsupported: ${unsupported.join(', ')}` };
  const notOffered = events.filter((event) => {
    const needed = offeredWith[event];
    return needed !== undefined && permissions[needed] === undefined;
  });
  if (notOffered.length > 0) {
    return { problem: `Error: Default events are not supported by permissions: ${notOffered.join(', ')}` };
  }
  return { manifest };
}

/** What the page says against a name; `undefined` when an app may have it. */
export function nameProblem(world: World, name: string): string | undefined {
  if (name === '') return "Name can't be blank";
  if (name.length > longestName) return `Name is too long (maximum is ${longestName} characters)`;
  return world.appSlugs.has(slugOf(name)) ? 'Name is already taken' : undefined;
}

/** Makes an app, and gives the code that its credentials can be had for, once. */
export function createApp(world: World, manifest: Manifest, name: string, owner: string | undefined): string {
  const slug = slugOf(name);
  world.appSlugs.add(slug);
  const id = 2_000_000 + world.appSlugs.size;
  const code = randomBytes(20).toString('hex');
  world.newAppCodes.set(code, {
    app: {
      id,
      clientId: `Iv23li${String(id).padStart(14, '0')}`,
      slug,
      name,
      owner: owner === undefined ? world.user('mona') : world.user(owner, 'Organization'),
      permissions: { ...manifest.default_permissions, metadata: 'read' satisfies Access },
      events: manifest.default_events ?? [],
      createdAt: world.now(),
    },
    isPublic: manifest.public ?? false,
    description: manifest.description ?? '',
    homeUrl: manifest.url,
    webhookUrl: manifest.hook_attributes?.url,
    givenAt: world.now(),
  });
  return code;
}

/** The app of a code, which is good for nothing afterwards; `undefined` for one that is unknown, used or too old. */
export function redeem(world: World, code: string): NewAppCode | undefined {
  const given = world.newAppCodes.get(code);
  if (given === undefined || world.now().getTime() - given.givenAt.getTime() > codeLifetimeMs) return undefined;
  world.newAppCodes.delete(code);
  return given;
}

/** A key as GitHub hands it out: RSA in PKCS#1. */
export async function newPrivateKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  return privateKey;
}

function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

function isUrl(value: unknown): boolean {
  return typeof value === 'string' && /^https?:\/\//.test(value) && URL.canParse(value);
}
