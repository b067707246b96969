/** Writes the JSON Schema of `.berth.yaml` beside itself: `node schema/generate.ts && npm run format schema`. */
import { writeFile } from 'node:fs/promises';
import { manifestJsonSchema } from '../src/domain/manifest-schema.ts';

const path = new URL('berth.schema.json', import.meta.url);
await writeFile(path, `${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);
