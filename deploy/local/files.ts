import { stat } from 'node:fs/promises';
import path from 'node:path';

/** Whether a path exists. */
export async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** The program's absolute path, looked for as a shell would, `sbin` included. */
export async function onPath(program: string): Promise<string | undefined> {
  const folders = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`.split(':');
  for (const folder of folders) {
    const file = path.join(folder, program);
    if (folder && (await exists(file))) return file;
  }
  return undefined;
}
