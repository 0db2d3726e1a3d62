// The command line of `npm run bench:ownership`.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { UsageError } from '../run-bench.ts';

const count = (least: number, most: number) => z.coerce.number().int().min(least).max(most);
const PHASES = ['takeover', 'abort', 'command', 'opened', 'idle'] as const;
export type Phase = (typeof PHASES)[number];

const Options = z.object({
  /** Sessions with a running turn that are taken over at a time; each has a real CLI. */
  sessions: count(1, 64),
  /** Workers that are killed, and workers that are stopped. */
  kills: count(1, 100),
  /** Turns that are aborted, of each kind. */
  aborts: count(1, 1_000),
  commands: count(10, 100_000),
  /** Sessions that are opened and then prompted for the first time. */
  opened: count(1, 1_000),
  idleSessions: count(1, 100_000),
  /** How long commands are counted for, without and with the idle sessions. */
  idleWindowMs: count(1_000, 600_000),
  only: z.array(z.enum(PHASES)).nullable(),
});
export type Options = z.infer<typeof Options>;

const FULL = {
  ...{ sessions: '10', kills: '4', aborts: '20', commands: '1000', opened: '12' },
  ...{ 'idle-sessions': '10000', 'idle-window-ms': '30000' },
};
const QUICK = {
  ...{ sessions: '2', kills: '1', aborts: '3', commands: '100', opened: '2' },
  ...{ 'idle-sessions': '500', 'idle-window-ms': '5000' },
};

/** Throws {@link UsageError}. */
export function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ quick: { type: 'boolean', default: false }, only: text, sessions: text, kills: text },
      ...{ aborts: text, commands: text, opened: text, 'idle-sessions': text, 'idle-window-ms': text },
    },
  });
  const given = { ...(values.quick ? QUICK : FULL), ...values };
  const parsed = Options.safeParse({
    ...given,
    idleSessions: given['idle-sessions'],
    idleWindowMs: given['idle-window-ms'],
    only: given.only?.split(',') ?? null,
  });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new UsageError(problems.join('\n'));
}
