import { builtInServicePort, servedImages } from './built-in-chart.ts';
import type { JsonObject } from './json.ts';
import { type Manifest, type ManifestChart, type ManifestRoute, manifestPath } from './manifest.ts';
import { hostLabel } from './names.ts';
import { fillCompletely, isJsonObject } from './placeholders.ts';
import type { PlanSettings, Route } from './plan.ts';
import type { PlanProblems } from './plan-problems.ts';

/** The manifest's routes; without any, every image that the built-in chart serves is one. */
export function routesAsWritten(
  manifest: Manifest | undefined,
  images: readonly { readonly name: string }[],
  chart: ManifestChart,
  problems: PlanProblems,
): readonly ManifestRoute[] {
  if (manifest?.routes) return manifest.routes;
  if (chart.kind === 'built-in') {
    const served = servedImages(images, manifest?.values ?? {});
    return served.map(({ name }) => ({ name, service: name, port: builtInServicePort }));
  }
  problems.add(
    ['chart'],
    `it is not said which Service of the chart ${chart.kind === 'path' ? `in \`${chart.path}\`` : chart.url} to show: ` +
      `add \`routes: { web: { service: web, port: 80 } }\` to ${manifest?.path ?? manifestPath}, ` +
      'or `routes: {}` to show none',
  );
  return [];
}

/** Gives each route its host and URL; placeholders in `service` stay. The first is the preview's main URL. */
export function hostedRoutes(
  routes: readonly ManifestRoute[],
  namespace: string,
  { scheme, previewDomain, port }: Pick<PlanSettings, 'scheme' | 'previewDomain' | 'port'>,
): readonly Route[] {
  const isSchemesPort = port === undefined || port === (scheme === 'https' ? 443 : 80);
  return routes.map((route, index) => {
    const host = hostLabel(namespace, route.name, index === 0);
    return { ...route, host, url: `${scheme}://${host}.${previewDomain}${isSchemesPort ? '' : `:${port}`}` };
  });
}

/** Fills the placeholders in `service`, and sees to it that there can be such a Service. */
export function withService(
  route: Route,
  chart: ManifestChart,
  values: JsonObject,
  texts: ReadonlyMap<string, string>,
  problems: PlanProblems,
): Route {
  const service = fillCompletely(route.service, texts);
  const place = ['routes', route.name, 'service'];
  // RFC 1035, as the API server demands of Services.
  if (!/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(service)) {
    problems.add(place, `\`${service.slice(0, 80)}\` cannot be the name of a Service`);
  } else if (chart.kind === 'built-in' && isJsonObject(values['apps']) && !Object.hasOwn(values['apps'], service)) {
    const apps = Object.keys(values['apps']).map((name) => `\`${name}\``);
    problems.add(place, `there is no Service \`${service}\`: the built-in chart makes ${apps.join(', ') || 'none'}`);
  }
  return { ...route, service };
}
