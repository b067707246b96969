/** Which placeholders may stand where in a manifest, and what to say of the others. */
import type { Json } from './json.ts';
import { nearestWord } from './nearest-word.ts';
import {
  imagePlaceholders,
  isJsonObject,
  placeholdersIn,
  plainPlaceholders,
  routePlaceholders,
  textsIn,
} from './placeholders.ts';
import type { DataPath, PositionedYaml, Problem } from './positioned-yaml.ts';

/** Placeholders that nothing will ever fill, judged by the names of images and routes in the manifest itself. */
export function placeholderProblems(yaml: PositionedYaml): readonly Problem[] {
  const images = namesIn(yaml.value, 'images') ?? ['web'];
  const routes = namesIn(yaml.value, 'routes') ?? images;
  const beforeBuilds = [...plainPlaceholders, ...routes.flatMap(routePlaceholders)];
  const afterBuilds = [...beforeBuilds, ...images.flatMap(imagePlaceholders)];
  const problems: Problem[] = [];
  for (const { path, text, isKey } of textsIn(yaml.value)) {
    for (const placeholder of placeholdersIn(text)) {
      const allowed = isKey ? [] : isAfterBuilds(path) ? afterBuilds : isBeforeBuilds(path) ? beforeBuilds : [];
      if (allowed.includes(placeholder.name)) continue;
      const at = isKey ? yaml.keyPositionOf(path) : yaml.positionWithin(path, placeholder.text);
      problems.push({ ...at, message: complaint(placeholder, allowed, isKey, afterBuilds) });
    }
  }
  return problems;
}

function isAfterBuilds(path: DataPath): boolean {
  return path[0] === 'values';
}

function isBeforeBuilds(path: DataPath): boolean {
  if (path[0] === 'images') return path[2] === 'args' || path[2] === 'from';
  return path[0] === 'routes' && path[2] === 'service';
}

function complaint(
  placeholder: { readonly name: string; readonly text: string },
  allowed: readonly string[],
  isKey: boolean,
  everywhere: readonly string[],
): string {
  const written = `\`${placeholder.text.replace(/[\p{Cc}`]/gu, '?').slice(0, 60)}\``;
  if (isKey) return `${written} cannot be used in a key`;
  if (allowed.length === 0)
    return `${written} cannot be used here, only in \`values\`, \`args\`, \`from\` and \`service\``;
  if (everywhere.includes(placeholder.name)) return `${written} is not known before the images are built`;
  const meant = nearestWord(placeholder.name, allowed);
  return meant
    ? `${written} is not known: did you mean \`\${${meant}}\`?`
    : `${written} is not known: write \`$\${\` for a literal \`\${\`, or use one of ${summary(allowed)}`;
}

function summary(names: readonly string[]): string {
  const shown = names.filter((name) => !/\.(?:repository|digest|tag)$/.test(name)).slice(0, 12);
  return shown.map((name) => `\`${name}\``).join(', ');
}

function namesIn(value: Json, key: 'images' | 'routes'): readonly string[] | undefined {
  const mapping = isJsonObject(value) ? value[key] : undefined;
  return isJsonObject(mapping) ? Object.keys(mapping) : undefined;
}
