/** Which registries a chart may come from. */
import { isIP } from 'node:net';
import { DiagnosedError } from '../../domain/errors.ts';

/**
 * Checks the address of a chart in a registry; true when it is to be asked without TLS.
 * @throws DiagnosedError for anything but a registry's public name: the worker stands inside the cluster's network.
 */
export function checkRegistry(url: string, plainHttpRegistries: readonly string[]): boolean {
  const host = /^oci:\/\/([^/\s@?#]+)\/[^\s?#]+$/.exec(url)?.[1];
  if (host === undefined) throw refused(url, 'it must look like `oci://registry.example.com/charts/name`');
  if (plainHttpRegistries.includes(host)) return true;
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (isIP(name) !== 0 || !name.includes('.') || /\.(local|internal|svc)$|\.svc\./.test(name)) {
    throw refused(url, 'its host is not the public name of a registry');
  }
  return false;
}

function refused(url: string, why: string): DiagnosedError {
  return new DiagnosedError({ reason: 'ChartInvalid', message: `The chart \`${url}\` is refused: ${why}.` });
}
