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

/** Mean time between two faults, at most. */
const SPACING_MS = 2_000;
/** A short run has as many for its length as a minute has. */
const FAULTS_PER_SECOND = 25 / 60;
/** The run begins and ends in peace. */
const LEAD_MS = 3_000;
const TAIL_MS = 3_000;

/** Every kind once in random order, then again and again, about one fault every two seconds. */
export function planFaults(seed: number, seconds: number): PlannedFault[] {
  const random = seededRandom(seed);
  const roomMs = Math.max(1_000, seconds * 1_000 - LEAD_MS - TAIL_MS);
  const count = Math.ceil(Math.max(roomMs / SPACING_MS, seconds * FAULTS_PER_SECOND));
  const spacingMs = roomMs / count;
  const kinds = endlessKinds(random);
  return Array.from({ length: count }, (_, index) => ({
    atMs: Math.round(LEAD_MS + (index + random() / 2) * spacingMs),
    kind: kinds.next().value,
    seed: between(random, 0, 2 ** 31),
  }));
}

function* endlessKinds(random: Random): Generator<FaultKind, never> {
  for (;;) yield* shuffled(random, FAULT_KINDS);
}
