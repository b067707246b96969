import { parseArgs } from 'node:util';
import type { Command } from './command.ts';

/** `berth schema`: the manifest's grammar for programs. */
export const schema: Command = {
  summary: 'prints the JSON Schema of .berth.yaml, for editors and checks',
  help: `berth schema

Prints the JSON Schema of .berth.yaml (draft 7).

  berth schema > berth.schema.json

Editors with the YAML language server complete and check the file when its first line is

  # yaml-language-server: $schema=berth.schema.json

A schema cannot say everything: \`berth render\` also looks at what the manifest names, and renders the chart.

Exits with 0. docs/manifest.md explains every key.
`,
  async run(args) {
    parseArgs({ args: [...args], options: {} });
    const { manifestJsonSchema } = await import('../domain/manifest-schema.ts');
    process.stdout.write(`${JSON.stringify(manifestJsonSchema(), undefined, 2)}\n`);
    return 0;
  },
};
