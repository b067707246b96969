/** Every command of `berth`, in the order in which help lists them. */
import type { Command } from './command.ts';
import { doctor } from './doctor.ts';
import { render } from './render.ts';
import { schema } from './schema.ts';
import { setup } from './setup.ts';
import { start } from './start.ts';

export const commands: Readonly<Record<string, Command>> = { start, setup, doctor, render, schema };
