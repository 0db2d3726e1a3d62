import { pino, type Logger } from 'pino';

export type { Logger };

/**
 * Makes the process's logger: JSON lines on stdout (or stderr), static messages, values in fields.
 * Prompts, outputs, paths and environment values go under `pii.*` and are redacted below debug level.
 */
export function createLogger(options: {
  readonly part: string;
  readonly level: string;
  readonly to?: 'stdout' | 'stderr';
}): Logger {
  const showPii = options.level === 'debug' || options.level === 'trace';
  const settings = {
    level: options.level,
    base: { part: options.part, pid: process.pid },
    redact: {
      paths: ['token', 'authorization', '*.token', '*.authorization', ...(showPii ? [] : ['pii'])],
      censor: '(redacted)',
    },
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return options.to === 'stderr' ? pino(settings, pino.destination(2)) : pino(settings);
}
