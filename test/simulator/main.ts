import { parseArgs } from 'node:util';
import { startSimulator } from './simulator.ts';

// A GitHub of its own for people and scripts: prints its coordinates as one line of JSON once it listens, takes orders
// as `POST /_control/<operation>`, and ends on SIGTERM or SIGINT.
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    'public-url': { type: 'string' },
    webhook: { type: 'string' },
    secret: { type: 'string' },
  },
});

const simulator = await startSimulator({
  port: Number(values.port),
  host: values.host,
  control: true,
  ...(values['public-url'] !== undefined && { publicUrl: values['public-url'] }),
  webhook: {
    ...(values.webhook !== undefined && { url: values.webhook }),
    ...(values.secret !== undefined && { secret: values.secret }),
  },
});

const { apiUrl, htmlUrl, app } = simulator;
process.stdout.write(`${JSON.stringify({ apiUrl, htmlUrl, controlUrl: `${htmlUrl}/_control`, app })}\n`);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    simulator.close().catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    });
  });
}
