import type { Writable } from 'node:stream';

/**
 * Resolves when whoever reads standard output and error has taken everything that was written to them, or is gone. A pipe takes
 * 64 KiB at once; what is left would be lost with the process. Source: nodejs.org/api/process.html#a-note-on-process-io
 */
export async function outputTaken(): Promise<void> {
  await Promise.all([process.stdout, process.stderr].map(taken));
}

/** Who has had enough closes the pipe, such as `berth render | head`: that is no error. */
export function forgiveClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

async function taken(stream: Writable): Promise<void> {
  // In the order of writing, and called with an error as well.
  await new Promise<void>((resolve) => stream.write('', () => resolve()));
}
