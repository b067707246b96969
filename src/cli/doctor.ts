import { parseArgs } from 'node:util';
import type { DoctorOptions } from '../doctor/doctor.ts';
import { type Command, untilInterrupted } from './command.ts';

/** `berth doctor`: a look at everything that Berth needs. */
export const doctor: Command = {
  summary: 'checks everything that Berth needs, and says what to do',
  help: `berth doctor [--json] [--read-only]

Checks GitHub, Redis, Kubernetes, BuildKit, the registry, DNS, Helm, git and the disk, all at once.

  --json         one JSON object for each finding: check, level, seen, todo
  --read-only    makes nothing: no test image in the registry, no test pod in the cluster

It takes its configuration from the same variables as Berth itself, so run it where Berth runs:

  kubectl --namespace berth exec deploy/berth -- berth doctor

Exits with 0 when Berth can run, with 1 when there are problems, with 2 when the configuration or the command is wrong.
More in docs/doctor.md.
`,
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: { json: { type: 'boolean', default: false }, 'read-only': { type: 'boolean', default: false } },
    });
    const options: DoctorOptions = {
      format: values.json ? 'json' : 'text',
      // Node's own rule: a terminal, unless NO_COLOR or TERM says otherwise.
      inColour: process.stdout.isTTY && process.stdout.hasColors(),
      write: (text) => process.stdout.write(`${text}\n`),
    };
    const signal = untilInterrupted();
    const { diagnose } = await import('../doctor/doctor.ts');
    const verdict = await diagnose({ readOnly: values['read-only'] }, options, signal);
    return verdict === 'misconfigured' ? 2 : Number(verdict !== 'healthy' || signal.aborted);
  },
};
