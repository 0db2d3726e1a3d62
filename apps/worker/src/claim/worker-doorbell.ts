// The worker's own doorbell: gateways ring it for sessions that this worker had last and that have a command now.
import { SessionId, type WorkerId } from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import { workerDoorbell, type Subscriber } from '@holdfast/shared/store';

export interface WorkerDoorbell {
  /** Resolves when rings are heard. */
  start(): Promise<void>;
  /** Rings are not heard any more: whoever rings now asks others at once. */
  stop(): Promise<void>;
}

/** `answer` takes the session, or leaves it to its placement job. */
export function createWorkerDoorbell(options: {
  readonly subscriber: Subscriber;
  readonly workerId: WorkerId;
  readonly logger: Logger;
  readonly answer: (sessionId: SessionId) => Promise<void>;
}): WorkerDoorbell {
  const { subscriber, logger, answer } = options;
  const channel = workerDoorbell(options.workerId);
  return {
    start: async () =>
      subscriber.subscribe(channel, (body) => {
        answer(SessionId.parse(body.toString('latin1'))).catch((error: unknown) => {
          logger.warn({ err: error }, 'a session that was rung for could not be taken');
        });
      }),
    stop: async () => subscriber.unsubscribe(channel),
  };
}
