/** Writes `THIRD_PARTY_LICENSES.md`: `npm run licenses`. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { thirdPartyLicenses } from './third-party.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
writeFileSync(new URL('../THIRD_PARTY_LICENSES.md', import.meta.url), thirdPartyLicenses(root));
