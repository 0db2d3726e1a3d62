// A worker is killed at 20 random moments of a turn that runs a counting tool: whatever the moment, the tool runs at
// most once unasked, and the prompt ends as run or as interrupted-and-delivered.
import { contentText } from '@holdfast/shared/protocol';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { SessionEvent } from '@holdfast/shared/protocol';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientOf, Follower, startSystem, type System } from '../e2e/support/system.ts';
import type { Service } from '../support/processes.ts';
import { until } from '../support/until.ts';

const KILLS = 20;
/** A turn with one Bash call takes about 200 ms after a cold start; the kill falls anywhere in it, or right after. */
const WINDOW_MS = 300;

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(async () => system[Symbol.asyncDispose]());

async function linesOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean);
}

function startsOf(follower: Follower, index: number): Extract<SessionEvent, { type: 'turn_started' }>[] {
  return follower
    .all('turn_started')
    .filter((event) => contentText(event.content ?? []).includes(`run-${index} `));
}

describe('killing the worker at random moments', () => {
  it('never runs a tool twice unasked, and settles every prompt [B-08] [B-07] [B-02] [E-03]', async () => {
    const seed = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000);
    const [delays = []] = fc.sample(fc.array(fc.nat(WINDOW_MS), { minLength: KILLS, maxLength: KILLS }), {
      seed,
      numRuns: 1,
    });
    const workers: Service[] = [await system.startWorker()];
    using client = clientOf(system.gateway);
    const { session } = await client.create({ settings: { allowedTools: ['Bash'] } });
    const follower = new Follower(session);
    const { cwd } = await client.http.inspect(session.sessionId).then(({ view }) => view);
    const file = join(cwd, 'count.txt');
    const outcomes: string[] = [];
    for (const [index, delay] of delays.entries()) {
      const victim = workers.at(-1);
      const next = system.startWorker();
      await session.prompt(`[[tool Bash {"command":"echo run-${index} >> count.txt"}]]`);
      // Three of four fall into the turn itself; the others before it has begun.
      if (index % 4 !== 0)
        await until(() => startsOf(follower, index).length > 0, { what: 'the turn', limitMs: 30_000 });
      await pause(delay);
      await victim?.stop('SIGKILL');
      workers.push(await next);
      const outcome = await until(
        () => {
          const mine = startsOf(follower, index);
          const ends = follower.events.filter(
            (event) =>
              (event.type === 'turn_ended' || (event.type === 'turn_interrupted' && event.delivered)) &&
              mine.some((turn) => turn.turnId === event.turnId),
          );
          return ends.length > 0 ? `${ends[0]?.type}/${mine.length}` : null;
        },
        { what: `the end of prompt ${index} (killed after ${delay} ms, seed ${seed})`, limitMs: 40_000 },
      ).catch((error: unknown) => {
        const tail = follower.events.slice(-15).map((event) => JSON.stringify(event).slice(0, 200));
        throw new Error(tail.join('\n'), { cause: error });
      });
      outcomes.push(`${delay}ms:${outcome}`);
    }
    const lines = await linesOf(file);
    const repeated = lines.filter((line, index) => lines.indexOf(line) !== index);
    expect(repeated, `seed ${seed}: ${outcomes.join(' ')}`).toEqual([]);
    expect(follower.events.map((event) => event.offset)).toEqual(
      follower.events.map((_event, index) => index + 1),
    );
    process.stderr.write(
      `kill points, seed ${seed}: ${outcomes.join(' ')}; the tool ran ${lines.length} of ${KILLS} times\n`,
    );
    follower.stop();
    for (const worker of workers) await worker[Symbol.asyncDispose]();
  });
});
