// Ordered shutdown: what was started last stops first, each step with its own deadline.
import { DeadlineError, withDeadline } from '../util/deadline.ts';
import type { Logger } from './logger.ts';

interface Step {
  readonly name: string;
  readonly limitMs: number;
  readonly stop: () => Promise<void> | void;
}

/** Collects what must be stopped; `run` stops it all in reverse order and never hangs past the deadlines. */
export interface Shutdown {
  add(step: Step): void;
  /** Resolves to true when every step ended in time without an error. Calling it again awaits the same run. */
  run(reason: string): Promise<boolean>;
}

export function createShutdown(logger: Logger): Shutdown {
  const steps: Step[] = [];
  let running: Promise<boolean> | undefined;
  const runAll = async (reason: string): Promise<boolean> => {
    logger.info({ reason }, 'stopping');
    let clean = true;
    for (const step of steps.toReversed()) {
      try {
        await withDeadline(Promise.resolve(step.stop()), { limitMs: step.limitMs, what: step.name });
      } catch (error) {
        clean = false;
        const late = error instanceof DeadlineError;
        logger.error({ step: step.name, err: error }, late ? 'a stop step is late' : 'a stop step failed');
      }
    }
    logger.info({ clean }, 'stopped');
    return clean;
  };
  return {
    add: (step) => void steps.push(step),
    run: (reason) => (running ??= runAll(reason)),
  };
}
