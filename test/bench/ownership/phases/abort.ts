// Aborts of a real CLI: in the middle of a text, and while Bash runs. Until the client has the turn's end, and until
// nothing of the Bash is left.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { processesLike, uniqueSleep } from '../../../support/proc.ts';
import { until } from '../../../support/until.ts';
import { median, quantile } from '../../numbers.ts';
import { now, type Followed } from '../follower.ts';
import type { Stage } from '../stage.ts';

/** Sessions that take turns: none is in the shadow of the one before. */
const SESSIONS = 4;
const SETTLE_MS = 100;
const QUIET_LIMIT_MS = 20_000;

export async function runAbort(stage: Stage): Promise<void> {
  const { bench, client, options } = stage;
  bench.report.round(`${options.aborts} aborts of each kind`);
  const worker = await stage.startWorker();
  const sessions: Followed[] = [];
  for (let index = 0; index < SESSIONS; index += 1) {
    const session = await client.create({ allowedTools: ['Bash'] });
    await session.turn('[[say ready]]');
    sessions.push(session);
  }
  const inText: number[] = [];
  const inBash: number[] = [];
  const quiet: number[] = [];
  for (let index = 0; index < options.aborts; index += 1) {
    for (const kind of ['text', 'bash'] as const) {
      const session = sessions[index % SESSIONS];
      if (session === undefined) throw new Error('there is no session');
      await pause(SETTLE_MS);
      if (kind === 'text') inText.push(await abortText(session));
      else {
        const bash = await abortBash(session);
        inBash.push(bash.endedMs);
        quiet.push(bash.quietMs);
      }
    }
  }
  const row = (name: string, values: readonly number[]): (string | number)[] => {
    return [name, values.length, median(values), quantile(values, 0.95), Math.max(...values)];
  };
  bench.report.table(
    ['ms after the abort frame', 'n', 'p50', 'p95', 'max'],
    [row('turn_ended, in a text', inText), row('turn_ended, in Bash', inBash), row('Bash gone', quiet)],
  );
  // The worse of the two kinds.
  bench.report.metric('abort_ended_p50_ms', Math.max(median(inText), median(inBash)));
  bench.report.metric('abort_quiet_max_ms', Math.max(...quiet));
  await bench.release(worker);
}

async function abort(session: Followed): Promise<{ sentAt: number; endedMs: number }> {
  const ended = session.next('turn_ended');
  const { sentAt } = await session.send({ type: 'abort' });
  const { seenAt, ...event } = await ended;
  if (event['stopReason'] !== 'aborted') throw new Error(`a turn ended as ${JSON.stringify(event)}`);
  return { sentAt, endedMs: seenAt - sentAt };
}

async function abortText(session: Followed): Promise<number> {
  const going = session.next('message_delta');
  await session.prompt('[[text count=100000 rate=50]]');
  await going;
  return (await abort(session)).endedMs;
}

async function abortBash(session: Followed): Promise<{ endedMs: number; quietMs: number }> {
  const seconds = uniqueSleep();
  const command = `sleep ${seconds} & (sleep ${seconds}) ; wait`;
  await session.prompt(`[[tool Bash ${JSON.stringify({ command })}]]`);
  // The shell, what it waits for, and what it put behind itself.
  const running = await until(
    async () => {
      const found = await processesLike(`sleep ${seconds}`);
      return found.filter((info) => !info.command.includes('claude')).length >= 2 ? found : null;
    },
    { what: 'Bash to run' },
  );
  const pids = running.filter((info) => !info.command.includes('claude')).map((info) => info.pid);
  const aborting = abort(session);
  const sentAt = now();
  const deadline = sentAt + QUIET_LIMIT_MS;
  while (pids.some(isLiving) && now() < deadline) await pause(2);
  const quietMs = now() - sentAt;
  const { endedMs } = await aborting;
  const left = await processesLike(`sleep ${seconds}`);
  if (left.length > 0) throw new Error(`an aborted Bash left ${left.map((info) => info.command).join(', ')}`);
  return { endedMs, quietMs };
}

function isLiving(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !'ZX'.includes(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3));
  } catch {
    return false;
  }
}
