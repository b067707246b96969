/** How a configuration has previews' things named. */
import type { PreviewConfig } from './config.ts';
import type { PlanSettings } from './domain/plan.ts';
import { packageFile } from './package-files.ts';

/** The chart for repositories that have none. */
export const builtInChartPath = packageFile('charts/preview');

/** Whose images they are. An instance's name is its own on one cluster only; a registry may serve Berths on several. */
export function imageInstance({ INSTANCE, GITHUB_APP_ID }: Pick<PreviewConfig, 'INSTANCE' | 'GITHUB_APP_ID'>): string {
  return `${INSTANCE}.${GITHUB_APP_ID}`;
}

export function planSettings(config: PreviewConfig): PlanSettings {
  return {
    registry: config.REGISTRY,
    instance: imageInstance(config),
    previewDomain: config.PREVIEW_DOMAIN,
    scheme: config.PREVIEW_SCHEME,
    port: config.PREVIEW_PORT,
    platform: config.PLATFORM,
  };
}
