/** The description of the App that GitHub makes it from. Pure. */
import { neededEvents, neededPermissions } from '../adapters/github/needs.ts';
import type { Registration } from './registration.ts';

/** Source: docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest */
export interface AppManifest {
  readonly name: string;
  readonly description: string;
  /** The App's home page. */
  readonly url: string;
  readonly hook_attributes: { readonly url: string; readonly active: boolean };
  /** Where GitHub sends the person with a code; left out, nobody hears of the App. */
  readonly redirect_url?: string;
  readonly public: boolean;
  readonly default_permissions: Readonly<Record<string, 'read' | 'write'>>;
  readonly default_events: readonly string[];
}

/**
 * The events that GitHub offers with the permissions that are needed: it refuses a manifest with any other ("Default events
 * are not supported by permissions").
 */
export const manifestEvents = neededEvents.filter(({ offeredWith }) => {
  const [name, access] = offeredWith?.split(' ') ?? [];
  return (
    name === undefined ||
    neededPermissions.some((each) => each.name === name && (each.access === 'write' || each.access === access))
  );
});

/** The manifest of an App that may do what Berth needs, and nothing else. */
export function appManifest(
  { name, webhookUrl, isPublic }: Omit<Registration, 'organisation'>,
  redirectUrl?: string,
): AppManifest {
  return {
    name,
    description: 'Gives every pull request its own running copy of the application.',
    url: new URL(webhookUrl).origin,
    hook_attributes: { url: webhookUrl, active: true },
    ...(redirectUrl !== undefined && { redirect_url: redirectUrl }),
    public: isPublic,
    default_permissions: Object.fromEntries(neededPermissions.map(({ name, access }) => [name, access])),
    default_events: manifestEvents.map(({ name }) => name),
  };
}
