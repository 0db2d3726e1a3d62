// A command from the client's frame to the child's stdin. The child is a scripted agent that notes when it read what:
// the real CLI does not tell. One command at a time, on a quiet system.
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { median, quantile } from '../../numbers.ts';
import { now, type Followed } from '../follower.ts';
import type { Stage } from '../stage.ts';

const AGENT = fileURLToPath(new URL('../agent.mjs', import.meta.url));
const SESSIONS = 10;
/** Code is compiled and caches are filled by then. */
const WARM_UP = 50;
/** A connection may send 100 frames per second. */
const PAUSE_MS = 15;

export async function runCommand(stage: Stage): Promise<void> {
  const { bench, client, options } = stage;
  bench.report.round(`${options.commands} prompts and a quarter as many aborts, each to the child's stdin`);
  const worker = await stage.startWorker({ CLAUDE_PATH: AGENT });
  const sessions: Followed[] = [];
  for (let index = 0; index < SESSIONS; index += 1) sessions.push(await client.create());
  const prompts: number[] = [];
  const [acks, queued, started]: [number[], number[], number[]] = [[], [], []];
  const aborts: number[] = [];
  for (let index = 0; index < WARM_UP + options.commands; index += 1) {
    const session = sessions[index % SESSIONS];
    if (session === undefined) throw new Error('there is no session');
    const { readMs, ackMs, queuedMs, startedMs } = await prompt(session);
    const abortMs = index % 4 === 0 ? await abort(session) : null;
    if (index < WARM_UP) continue;
    prompts.push(readMs);
    acks.push(ackMs);
    queued.push(queuedMs);
    started.push(startedMs);
    if (abortMs !== null) aborts.push(abortMs);
  }
  const row = (name: string, values: readonly number[]): (string | number)[] => {
    return [name, values.length, median(values), quantile(values, 0.99), Math.max(...values)];
  };
  bench.report.table(
    ["ms from the frame to the child's stdin", 'n', 'p50', 'p99', 'max'],
    [
      row('prompt', prompts),
      row('abort', aborts),
      row('(the prompt is acknowledged)', acks),
      row('(prompt_queued is at the client)', queued),
      row('(turn_started is at the client)', started),
    ],
  );
  bench.report.metric('command_stdin_p50_ms', median(prompts));
  bench.report.metric('command_stdin_p99_ms', quantile(prompts, 0.99));
  await bench.release(worker);
}

async function prompt(
  session: Followed,
): Promise<{ readMs: number; ackMs: number; queuedMs: number; startedMs: number }> {
  await pause(PAUSE_MS);
  const told = session.next(isTelling, 'the answer of the agent');
  const queued = session.next('prompt_queued');
  const started = session.next('turn_started');
  const ended = session.next('turn_ended');
  const { sentAt } = await session.prompt('now');
  const ackMs = now() - sentAt;
  const { text } = await told;
  await ended;
  return {
    readMs: readAt(text) - sentAt,
    ackMs,
    queuedMs: (await queued).seenAt - sentAt,
    startedMs: (await started).seenAt - sentAt,
  };
}

/** An abort is read by the gateway, stored, and asked of the child as a control request. */
async function abort(session: Followed): Promise<number> {
  await pause(PAUSE_MS);
  const waits = session.next((event) => event['text'] === 'waits', 'the turn to wait');
  await session.prompt('wait');
  await waits;
  await pause(PAUSE_MS);
  const told = session.next(isTelling, 'the answer of the agent');
  const ended = session.next('turn_ended');
  const { sentAt } = await session.send({ type: 'abort' });
  const { text } = await told;
  await ended;
  return readAt(text) - sentAt;
}

function isTelling(event: Readonly<Record<string, unknown>>): boolean {
  return event['type'] === 'message_completed' && String(event['text']).startsWith('read at ');
}

function readAt(text: unknown): number {
  return Number(String(text).slice('read at '.length));
}
