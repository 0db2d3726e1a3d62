// When which fault happens. Pure: a seed repeats its schedule.
import { between, seededRandom, shuffled, type Random } from './random.ts';

export const FAULT_KINDS = [
  'client_cut',
  'client_cut_mid_frame',
  'client_half_open',
  'slow_reader',
  'gateway_kill',
  'gateway_stop',
  'gateway_drain',
  'subscriber_kill',
  'messages_swallowed',
  'redis_clients_kill',
  'redis_restart',
  'redis_sleep',
  'script_flush',
  'reply_lost',
  'redis_delay',
  'writer_kill',
  'writer_stop',
  'worker_kill',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface PlannedFault {
  /** After the start of the run. */
  readonly atMs: number;
  readonly kind: FaultKind;
  /** Decides which of several victims, and how long. */
  readonly seed: number;
}

/** Mean time between two faults. */
const SPACING_MS = 2_000;
/** The run begins and ends in peace. */
const LEAD_MS = 4_000;
const TAIL_MS = 3_000;

/** Every kind once in random order, then again and again, about one fault every two seconds. */
export function planFaults(seed: number, seconds: number): PlannedFault[] {
  const random = seededRandom(seed);
  const count = Math.max(1, Math.floor((seconds * 1_000 - LEAD_MS - TAIL_MS) / SPACING_MS));
  const kinds = endlessKinds(random);
  return Array.from({ length: count }, (_, index) => ({
    atMs: LEAD_MS + index * SPACING_MS + between(random, 0, SPACING_MS / 2),
    kind: kinds.next().value,
    seed: between(random, 0, 2 ** 31),
  }));
}

function* endlessKinds(random: Random): Generator<FaultKind, never> {
  for (;;) yield* shuffled(random, FAULT_KINDS);
}
