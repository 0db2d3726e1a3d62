// Workers that are lost while turns run in all of their sessions: how long until a client is told, and until the next
// CLI of the session is ready and has answered. Killed (the process is gone) and hung (it is stopped, as a host
// that is lost would look).
import { setTimeout as pause } from 'node:timers/promises';
import type { Service } from '../../../support/processes.ts';
import { median, quantile } from '../../numbers.ts';
import { now, type Followed } from '../follower.ts';
import type { Stage } from '../stage.ts';

/** Between two heartbeats of a worker: the signal comes at any point of it. */
const BEAT_MS = 2_000;

interface Samples {
  readonly interrupted: number[];
  readonly ready: number[];
  readonly answered: number[];
}

export async function runTakeover(stage: Stage): Promise<void> {
  const { bench, client, options } = stage;
  let owner = await stage.startWorker();
  const sessions: Followed[] = [];
  for (let index = 0; index < options.sessions; index += 1) {
    const session = await client.create({ allowedTools: ['Bash'] });
    await session.turn('[[say ready]]');
    sessions.push(session);
  }
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    const samples: Samples = { interrupted: [], ready: [], answered: [] };
    for (let kill = 0; kill < options.kills; kill += 1) {
      bench.report.round(
        `takeover of ${sessions.length} sessions after ${signal}, ${kill + 1} of ${options.kills}`,
      );
      owner = await loseOwner({ stage, owner, sessions, signal, samples });
    }
    tell(stage, signal, samples);
  }
  await bench.release(owner);
}

/** Has turns run everywhere and prompts wait, then loses the owner. Resolves to the next owner. */
async function loseOwner(input: {
  readonly stage: Stage;
  readonly owner: Service;
  readonly sessions: readonly Followed[];
  readonly signal: 'SIGKILL' | 'SIGSTOP';
  readonly samples: Samples;
}): Promise<Service> {
  const { stage, owner, sessions, signal, samples } = input;
  const next = await stage.startWorker();
  await Promise.all(sessions.map(async (session, index) => occupy(session, index)));
  await pause(Math.random() * BEAT_MS);
  const signalledAt = now();
  const recovering = sessions.map(async (session) => {
    const interrupted = session.next('turn_interrupted');
    const ready = session.next('child_started');
    const answered = session.next('turn_ended');
    const told = await interrupted;
    if (told['delivered'] !== true) throw new Error('a delivered prompt was taken for an undelivered one');
    samples.interrupted.push(told.seenAt - signalledAt);
    samples.ready.push((await ready).seenAt - signalledAt);
    samples.answered.push((await answered).seenAt - signalledAt);
  });
  process.kill(owner.pid, signal);
  await Promise.all(recovering);
  await stage.bench.release(owner);
  return next;
}

/** A turn that does not end by itself, in a tool or in the middle of a text, and a prompt that waits behind it. */
async function occupy(session: Followed, index: number): Promise<void> {
  const isTool = index % 2 === 0;
  const going = session.next(isTool ? 'tool_call_started' : 'message_delta');
  await session.prompt(isTool ? '[[tool Bash {"command":"sleep 600"}]]' : '[[text count=100000 rate=20]]');
  await going;
  const queued = session.next('prompt_queued');
  await session.prompt('[[say going on]]');
  await queued;
}

function tell(stage: Stage, signal: 'SIGKILL' | 'SIGSTOP', samples: Samples): void {
  const { report } = stage.bench;
  const row = (name: string, values: readonly number[]): (string | number)[] => {
    return [name, values.length, median(values), quantile(values, 0.95), Math.max(...values)];
  };
  report.table(
    [`ms after ${signal}`, 'n', 'p50', 'p95', 'max'],
    [
      row('turn_interrupted', samples.interrupted),
      row('the next CLI is ready', samples.ready),
      row('the prompt that waited is answered', samples.answered),
    ],
  );
  const isKill = signal === 'SIGKILL';
  report.metric(
    isKill ? 'takeover_kill_p95_ms' : 'takeover_hang_p95_ms',
    quantile(samples.interrupted, 0.95),
  );
  if (isKill) report.metric('takeover_cli_ready_p50_ms', median(samples.ready));
}
