// Writes actions to a response: batches what is due, respects backpressure, stops when the socket closes.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Action } from './play.ts';

// Below this a timer costs more than it delays; halving it only adds wake-ups at high rates.
const shortestSleepMs = 1;
// A bigger batch delays the first byte of an instant answer, a smaller one costs a write per delta.
const batchChars = 16_384;

/**
 * Sends the actions in order. Waits are counted from one clock, so that a rate holds on average.
 * Resolves when the answer has ended, was cut, or `signal` fired; never rejects for a lost peer.
 */
export async function streamActions(
  raw: ServerResponse,
  actions: Iterable<Action>,
  signal: AbortSignal,
): Promise<void> {
  let batch = '';
  let dueAt = performance.now();
  const flush = async (): Promise<void> => {
    const text = batch;
    batch = '';
    if (text !== '' && !raw.write(text)) await once(raw, 'drain', { signal });
  };
  try {
    for (const action of actions) {
      if (action.kind === 'send') {
        batch += action.text;
        if (batch.length >= batchChars) await flush();
      } else if (action.kind === 'wait') {
        dueAt += action.ms;
        if (dueAt - performance.now() < shortestSleepMs) continue;
        await flush();
        await sleep(dueAt - performance.now(), undefined, { signal });
      } else {
        raw.write(batch, () => raw.destroy());
        return;
      }
      signal.throwIfAborted();
    }
    raw.end(batch);
  } catch (error) {
    if (!signal.aborted) throw error;
    raw.destroy();
  }
}
