// How long events take from their owner to the sockets, for the metrics.
import { metrics } from '@holdfast/shared/runtime';

/** The end of a stored frame at the end of an array of them. */
const WRITTEN_AT = /"at":(\d{10,16})(?:,"upTo":\d+)?\}\]$/;
const TAIL_BYTES = 64;

/** Looks at when the last of these frames (a JSON array) was written, without parsing any of them. */
export function observeDelivery(frames: Buffer, nowMs: number): void {
  const tail = frames.toString('latin1', Math.max(0, frames.length - TAIL_BYTES));
  const at = WRITTEN_AT.exec(tail)?.[1];
  if (at !== undefined) metrics.deliverySeconds.observe(Math.max(0, nowMs - Number(at)) / 1_000);
}
