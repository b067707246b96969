/** Writes what follows from the grammar of `.berth.yaml`: its JSON Schema, and the reference in `docs/manifest.md`. `npm run schema` */
import { readFile, writeFile } from 'node:fs/promises';
import { manifestJsonSchema } from '../src/domain/manifest-schema.ts';
import { withReference } from './reference.ts';

await writeFile(new URL('berth.schema.json', import.meta.url), `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);
const page = new URL('../docs/manifest.md', import.meta.url);
await writeFile(page, withReference(await readFile(page, 'utf8')));
