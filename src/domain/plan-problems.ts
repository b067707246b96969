import { DiagnosedError } from './errors.ts';
import { invalidManifest, type Manifest } from './manifest.ts';
import type { DataPath, Problem } from './positioned-yaml.ts';

/** Gathers what is wrong with a plan, so that one look shows its author all of it, each at its place in the manifest. */
export class PlanProblems {
  readonly #manifest: Manifest | undefined;
  readonly #found: Problem[] = [];

  constructor(manifest: Manifest | undefined) {
    this.#manifest = manifest;
  }

  /** `within` is the part of that scalar which is wrong, the whole of it when left out. */
  add(path: DataPath, message: string, within?: string): void {
    const at = within === undefined ? this.#manifest?.positionOf(path) : this.#manifest?.positionWithin(path, within);
    this.#found.push({ ...(at ?? { line: 1, column: 1 }), message });
  }

  throwIfAny(): void {
    const [first] = this.#found;
    if (!first) return;
    if (this.#manifest) throw invalidManifest(this.#manifest.path, this.#found);
    throw new DiagnosedError({ reason: 'ManifestInvalid', message: first.message });
  }
}
