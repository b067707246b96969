/** The directory that one process works in: caches, which stay, and temporary files, which do not outlive it. */
import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';

export interface DataDirectory extends AsyncDisposable {
  /** Absolute; empty when it was opened. */
  readonly temporary: string;
  /** What a process that was killed had left in `temporary`; removed by now. */
  readonly leftovers: readonly string[];
}

/** The directory cannot be used; the message says what to change. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError';
}

// Linux allows 108 bytes, macOS 104. Source: man7.org/linux/man-pages/man7/unix.7.html
const longestSocketPath = 103;

/**
 * Takes the directory for this process, making it when it is missing.
 * @throws DataDirectoryError when another process has it, or when it cannot be written to.
 */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  const temporary = join(path, 'tmp');
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const owner = await own(path);
    const leftovers = await readdir(temporary).catch(() => []);
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { mode: 0o700 });
    return {
      temporary,
      leftovers,
      async [Symbol.asyncDispose]() {
        await rm(temporary, { recursive: true, force: true });
        owner.close();
      },
    };
  } catch (cause) {
    if (cause instanceof DataDirectoryError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataDirectoryError(`BERTH_DATA_DIR: ${path} cannot be used: ${reason}`, { cause });
  }
}

/**
 * A socket in the directory says that it is taken for as long as somebody listens: the kernel ends that with the process,
 * however it ends. Nothing is ever said over it.
 */
async function own(path: string): Promise<Server> {
  const socket = join(path, 'owner');
  if (Buffer.byteLength(socket) > longestSocketPath) {
    throw new DataDirectoryError(`BERTH_DATA_DIR: ${path} is too long: it may have ${longestSocketPath - 6} bytes`);
  }
  if (await isTaken(socket)) {
    throw new DataDirectoryError(`BERTH_DATA_DIR: another process works in ${path}: give each a directory of its own`);
  }
  await rm(socket, { force: true });
  const server = createServer((connection) => connection.destroy()).unref();
  server.listen(socket);
  await once(server, 'listening');
  return server;
}

async function isTaken(socket: string): Promise<boolean> {
  const connection = connect(socket);
  try {
    await once(connection, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    connection.destroy();
  }
}
