import { pino, type Logger } from 'pino';

export type { Logger };

/**
 * Makes the process's logger: JSON lines on stdout, static messages, values in fields.
 * Prompts, outputs, paths and environment values go under `pii.*` and are redacted below debug level.
 */
export function createLogger(options: { readonly part: string; readonly level: string }): Logger {
  const showPii = options.level === 'debug' || options.level === 'trace';
  return pino({
    level: options.level,
    base: { part: options.part, pid: process.pid },
    redact: {
      paths: ['token', 'authorization', '*.token', '*.authorization', ...(showPii ? [] : ['pii'])],
      censor: '(redacted)',
    },
    formatters: { level: (label) => ({ level: label }) },
  });
}
