/** How Berth logs: JSON lines on standard output, one constant message and fields. */
import type { LoggerOptions } from 'pino';
import { stdSerializers, stdTimeFunctions } from 'pino';
import type { Redaction } from './ports.ts';
import { redacted } from './domain/redaction/redacted-value.ts';

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

/** Options for pino; `role` tells the lines of separately deployed roles apart. No line holds a credential that `redaction` knows. */
export function logOptions(options: {
  readonly level: LogLevel;
  readonly role: string;
  /** Without it only fields are left out by their names. */
  readonly redaction?: Redaction;
}): LoggerOptions {
  const { redaction } = options;
  return {
    level: options.level,
    base: { service: 'berth', role: options.role },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // `err` holds an error, with its causes.
    serializers: { err: stdSerializers.errWithCause },
    redact: { paths: [...secretPaths], censor: '[redacted]' },
    // After everything that makes a line, child loggers' fields included: nothing gets past it.
    hooks: { streamWrite: (line) => escapedLine(redaction ? redactedLine(line, redaction) : line) },
  };
}

/** The line without credentials, JSON as before. */
function redactedLine(line: string, redaction: Redaction): string {
  if (redaction.text(line) === line) return line;
  // In the text of the line a replacement could cut an escape in two.
  const fields: unknown = JSON.parse(line);
  const text = `${JSON.stringify(redacted(fields, redaction))}\n`;
  // What is left is in a field's name, or in several fields together.
  if (redaction.text(text) !== text)
    return `${JSON.stringify({ level: 'warn', msg: 'line left out: it held a credential' })}\n`;
  return text;
}

/** JSON allows these as they are; readers that split text at every line end of Unicode would see two lines. */
function escapedLine(line: string): string {
  return line.replace(
    /[\u007F-\u009F\u2028\u2029\u200E\u200F\u202A-\u202E\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
