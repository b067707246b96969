/** How Berth logs: JSON lines on standard output, one constant message and fields. */
import type { LoggerOptions } from 'pino';
import { stdSerializers, stdTimeFunctions } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

// Nobody should log these. If somebody does, the value stays out of the line.
const secretFields = ['token', 'secret', 'secrets', 'password', 'privateKey', 'authorization', 'cookie'] as const;

const secretPaths = [
  ...secretFields.flatMap((field) => [field, `*.${field}`]),
  '*.headers.authorization',
  '*.headers.cookie',
  '*.headers["x-hub-signature-256"]',
  // Errors of the GitHub client carry the request they made.
  'err.request.headers.authorization',
  'err.response.headers["set-cookie"]',
];

/** Options for pino; `role` tells the lines of separately deployed roles apart. */
export function logOptions(options: { readonly level: LogLevel; readonly role: string }): LoggerOptions {
  return {
    level: options.level,
    base: { service: 'berth', role: options.role },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // `err` holds an error, with its causes.
    serializers: { err: stdSerializers.errWithCause },
    redact: { paths: [...secretPaths], censor: '[redacted]' },
  };
}
