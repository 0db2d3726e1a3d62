// Says early that Redis' memory runs full: at 80 % there is time to do something, at 90 % new work is refused.
import type { Logger } from '@holdfast/shared/runtime';
import { readServerInfo, type Redis } from '@holdfast/shared/store';

const NEARLY_FULL_SHARE = 0.8;
/** Once said, it is taken back only below this: memory that hovers at the mark is one notice, not many. */
const RELIEVED_SHARE = 0.75;
/** Ten times more often costs nothing much; ten times less may be after the fact. */
const LOOK_EVERY_MS = 60_000;
const MIB = 1024 * 1024;

export interface MemoryNotice {
  /** A sentence for people while the memory is nearly full, else null. */
  current(): string | null;
  close(): void;
}

/** Looks at once and then every minute; logs when the state changes. */
export async function watchMemory(options: {
  readonly redis: Redis;
  readonly logger: Logger;
  readonly everyMs?: number;
}): Promise<MemoryNotice> {
  const { redis, logger, everyMs = LOOK_EVERY_MS } = options;
  let notice: string | null = null;
  const look = async (): Promise<void> => {
    const { usedMemoryBytes, maxMemoryBytes } = await readServerInfo(redis);
    const share = maxMemoryBytes === 0 ? 0 : usedMemoryBytes / maxMemoryBytes;
    const isNearlyFull = share >= (notice === null ? NEARLY_FULL_SHARE : RELIEVED_SHARE);
    if (isNearlyFull && notice === null)
      logger.warn({ usedMemoryBytes, maxMemoryBytes }, 'redis is nearly full');
    if (!isNearlyFull && notice !== null) logger.info({ usedMemoryBytes }, 'redis has room again');
    notice = isNearlyFull ? sentence(usedMemoryBytes, maxMemoryBytes) : null;
  };
  const tryToLook = async (): Promise<void> =>
    look().catch((error: unknown) => logger.warn({ err: error }, 'the memory of redis could not be read'));
  await tryToLook();
  const timer = setInterval(() => void tryToLook(), everyMs).unref();
  return { current: () => notice, close: () => clearInterval(timer) };
}

function sentence(usedBytes: number, maxBytes: number): string {
  const [used, max] = [usedBytes, maxBytes].map((bytes) => Math.round(bytes / MIB));
  const percent = Math.floor((usedBytes / maxBytes) * 100);
  return (
    `Redis uses ${percent} % of its maxmemory (${used} of ${max} MiB); from 90 % on new prompts and sessions are refused. ` +
    'Raise maxmemory, delete sessions, or set HOLDFAST_RETENTION_DAYS.'
  );
}
