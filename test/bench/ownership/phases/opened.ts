// The first prompt of a session whose child was started by opening it: until the first event that the CLI caused.
import { setTimeout as pause } from 'node:timers/promises';
import { median, quantile } from '../../numbers.ts';
import type { SeenEvent } from '../follower.ts';
import type { Stage } from '../stage.ts';

/** Whoever opens a page reads it, and writes a prompt, before sending that. */
const READING_MS = 1_000;

/** Events that only the CLI's own output makes. */
const FROM_CLI = ['message_delta', 'message_completed', 'tool_call_started'];

export async function runOpened(stage: Stage): Promise<void> {
  const { bench, client, options } = stage;
  bench.report.round(`first prompts of ${options.opened} opened sessions`);
  const worker = await stage.startWorker();
  const times: number[] = [];
  const started: number[] = [];
  for (let index = 0; index < options.opened; index += 1) {
    const session = await client.create();
    await pause(READING_MS);
    const begun = session.next('turn_started');
    const first = session.next(
      (event: SeenEvent) => FROM_CLI.includes(event.type),
      'the first event of the CLI',
    );
    const ended = session.next('turn_ended');
    const { sentAt } = await session.prompt(
      '[[say The three files are in place, and all of their tests pass now.]]',
    );
    started.push((await begun).seenAt - sentAt);
    times.push((await first).seenAt - sentAt);
    await ended;
    await client.remove(session);
  }
  const row = (name: string, values: readonly number[]): (string | number)[] => {
    return [name, values.length, median(values), quantile(values, 0.95), Math.max(...values)];
  };
  bench.report.table(
    ['ms after the first prompt', 'n', 'p50', 'p95', 'max'],
    [row('turn_started', started), row('first event of the CLI', times)],
  );
  bench.report.metric('opened_first_event_p50_ms', median(times));
  await bench.release(worker);
}
