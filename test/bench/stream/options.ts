// The command line of `npm run bench:stream`.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { UsageError } from '../run-bench.ts';

const count = (least: number, most: number) => z.coerce.number().int().min(least).max(most);
const PHASES = ['live', 'scale', 'storm', 'loss', 'idle'] as const;
export type Phase = (typeof PHASES)[number];

const Options = z.object({
  peers: z.boolean(),
  /** Interleaved rounds of each comparison. */
  rounds: count(1, 100),
  /** Length of one window of one round. */
  windowMs: count(200, 60_000),
  sessions: count(1, 8_000),
  rate: count(1, 100_000),
  /** Bytes of a stored frame. */
  size: count(200, 100_000),
  /** How many sessions get events at a time. */
  active: count(1, 8_000),
  /** Clients that follow each session. */
  subscribers: count(1, 100),
  /** Sessions attached in the comparison of many with few. */
  many: count(1_100, 15_000),
  stormClients: count(1, 15_000),
  idleSessions: count(1, 100_000),
  /** Whether Redis keeps an append-only file, for all lanes alike. */
  aof: z.enum(['everysec', 'no']),
  only: z.array(z.enum(PHASES)).nullable(),
  /** A folder for CPU profiles; with it, the numbers are worth nothing. */
  profile: z.string().nullable(),
});
export type Options = z.infer<typeof Options>;

const FULL = { rounds: '5', 'window-ms': '3000', 'idle-sessions': '10000' };
const QUICK = { rounds: '2', 'window-ms': '1000', 'idle-sessions': '1000' };

/** Throws {@link UsageError}. */
export function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{
        quick: flag,
        peers: flag,
        rounds: text,
        'window-ms': text,
        sessions: text,
        rate: text,
        size: text,
      },
      ...{ active: text, subscribers: text, many: text, 'storm-clients': text, 'idle-sessions': text },
      ...{ aof: text, only: text, profile: text },
    },
  });
  const preset = values.quick ? QUICK : FULL;
  const parsed = Options.safeParse({
    peers: values.peers,
    rounds: values.rounds ?? preset.rounds,
    windowMs: values['window-ms'] ?? preset['window-ms'],
    sessions: values.sessions ?? 1_000,
    rate: values.rate ?? 2_000,
    size: values.size ?? 300,
    active: values.active ?? 50,
    subscribers: values.subscribers ?? 1,
    many: values.many ?? 10_000,
    stormClients: values['storm-clients'] ?? 5_000,
    idleSessions: values['idle-sessions'] ?? preset['idle-sessions'],
    aof: values.aof ?? 'everysec',
    only: values.only?.split(',') ?? null,
    profile: values.profile ?? null,
  });
  if (!parsed.success) throw new UsageError(z.prettifyError(parsed.error));
  return parsed.data;
}
