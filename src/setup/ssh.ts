/** How a person who came over SSH gets a browser to a port of this machine. Pure. */

/**
 * A command for the person's own machine, `undefined` for somebody who is here without SSH. `connection` is what SSH servers
 * put into `SSH_CONNECTION`: the client's address and port, then the server's. Source: man 1 ssh, ENVIRONMENT
 */
export function forwardingAdvice(connection: string | undefined, port: number): string | undefined {
  const [, , server, serverPort] = connection?.trim().split(' ') ?? [];
  if (server === undefined || serverPort === undefined || !/^[\w.:%]+$/.test(server)) return undefined;
  const option = serverPort === '22' ? '' : `-p ${serverPort} `;
  return `ssh -N -L ${port}:127.0.0.1:${port} ${option}${server}`;
}
