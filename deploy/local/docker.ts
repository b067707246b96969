import { request } from 'node:http';

/** Whether a dockerd answers on that `unix://` address. */
export function pingDocker(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { socketPath: host.replace('unix://', ''), path: '/_ping', timeout: 2000 };
    const call = request(options, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    call.once('timeout', () => call.destroy());
    call.once('error', () => resolve(false));
    call.end();
  });
}
