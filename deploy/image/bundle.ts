/** Writes `dist`: Berth and all packages that it uses, in a few files, as the image has it. `npm run build`; docs/image.md says why. */
import { rm } from 'node:fs/promises';
import { build } from 'esbuild';

const outdir = 'dist';
// The names of chunks change with what is in them: none of an earlier bundle may stay.
await rm(outdir, { recursive: true, force: true });
await build({
  // What is started: the command, which loads the program, and the modules that `packageModule` starts threads with.
  entryPoints: ['src/cli.ts', 'src/adapters/helm/kubernetes-yaml.ts'],
  outbase: 'src',
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // Packages of CommonJS ask for Node's own modules by `require`, which modules do not have.
  banner: {
    js: "import { createRequire as createNodeRequire } from 'node:module'; const require = createNodeRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
