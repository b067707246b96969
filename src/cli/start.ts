import { parseArgs } from 'node:util';
import type { Command } from './command.ts';

/** `berth start`: the program itself. */
export const start: Command = {
  summary: 'runs Berth',
  help: `berth [start]

Runs Berth, with the roles in BERTH_ROLES, until SIGTERM or SIGINT.

Exits with 0 when it was asked to end, with 1 when it could not start or go on: the last line says why.
docs/configuration.md lists the variables that configure it.
`,
  async run(args) {
    parseArgs({ args: [...args], options: {} });
    // The program runs when it is loaded, and ends the process itself.
    await import('../main.ts');
    return 0;
  },
};
