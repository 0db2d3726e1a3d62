// How long events take from their owner to the sockets, for the metrics.
import { metrics } from '@holdfast/shared/runtime';

/** A stored frame begins with its place in the log. */
const WRITTEN_AT = /^\[\{"offset":\d+,"at":(\d{10,16}),/;
const HEAD_BYTES = 64;

/** Looks at when the first of these frames (a JSON array) was written, without parsing any of them. */
export function observeDelivery(frames: Buffer, nowMs: number): void {
  const at = WRITTEN_AT.exec(frames.toString('latin1', 0, HEAD_BYTES))?.[1];
  if (at !== undefined) metrics.deliverySeconds.observe(Math.max(0, nowMs - Number(at)) / 1_000);
}
