// Redis' failures as errors of the catalogue, and the refusal of new work while its memory is nearly full.
import { ServiceError } from '@holdfast/shared/protocol';
import { readServerInfo, replyErrorCode, type Redis } from '@holdfast/shared/store';

/** Answers of Redis that mean "not now": it loads, fails over, or can't write at the moment. */
const PASSING_REPLIES: ReadonlySet<string> = new Set([
  ...['LOADING', 'READONLY', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'BUSY', 'NOREPLICAS', 'MISCONF'],
  ...['NOAUTH', 'WRONGPASS', 'NOPERM', 'UNKILLABLE', 'UNBLOCKED'],
]);

/** Runs store calls; what Redis could not do becomes `storage_full` or `storage_unavailable`. */
export async function stored<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storageError(error);
  }
}

/** The error of the catalogue for what a store call threw. */
export function storageError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  const reply = replyErrorCode(error);
  if (reply === 'OOM') return new ServiceError('storage_full', { cause: error });
  const isBug =
    !(error instanceof Error) ||
    error.name === 'ZodError' ||
    error instanceof TypeError ||
    (reply !== undefined && !PASSING_REPLIES.has(reply));
  return new ServiceError(isBug ? 'internal' : 'storage_unavailable', { cause: error });
}

/** New prompts and sessions are refused from this share of maxmemory on, so that running turns can still finish. */
const FULL_SHARE = 0.9;
/** Shorter asks Redis more often; longer accepts prompts for longer after the memory ran full. */
const REFRESH_MS = 3_000;

/** Knows whether Redis has room for new work, from a reading at most a few seconds old. */
export interface MemoryGate {
  /** Throws `storage_full` when new work must be refused. */
  check(): Promise<void>;
}

export function createMemoryGate(redis: Redis, now: () => number = () => performance.now()): MemoryGate {
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<boolean> | undefined;
  let isFull = false;
  const read = async (): Promise<boolean> => {
    try {
      const info = await readServerInfo(redis);
      isFull = info.maxMemoryBytes > 0 && info.usedMemoryBytes >= info.maxMemoryBytes * FULL_SHARE;
      readAt = now();
    } finally {
      reading = undefined;
    }
    return isFull;
  };
  return {
    check: async () => {
      if (now() - readAt > REFRESH_MS) await stored(async () => (reading ??= read()));
      if (isFull) throw new ServiceError('storage_full');
    },
  };
}
