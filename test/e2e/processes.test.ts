// What is left of a worker that was killed or stopped: nothing. Shown by looking at every process of this machine.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@holdfast/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planContainment } from '../../apps/worker/src/process/containment.ts';
import { isLiving, processesLike, processesMentioning, uniqueSleep } from '../support/proc.ts';
import type { Service } from '../support/processes.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from './support/system.ts';

const { kind: best } = await planContainment('auto', process.getuid?.() ?? -1);
/** Where no namespace can be made, only the sweep can be shown. */
const kinds = best === 'namespace' ? (['namespace', 'sweep'] as const) : (['sweep'] as const);

let system: System;
let client: Client;

beforeAll(async () => {
  system = await startSystem();
  client = clientOf(system.gateway);
});
afterAll(async () => {
  client.close();
  await system[Symbol.asyncDispose]();
});

/** A session whose CLI runs a Bash that has started processes in every way they can slip away. */
async function busySession(kind: 'namespace' | 'sweep'): Promise<{ one: Follower; seconds: string }> {
  const one = await newSession(client, { settings: { allowedTools: ['Bash'] } });
  const seconds = uniqueSleep();
  const slips = [
    `setsid sleep ${seconds} &`,
    `nohup sleep ${seconds} >/dev/null 2>&1 &`,
    `(sleep ${seconds} &) ;`,
  ];
  // Without its marker a process can only be found in a namespace.
  if (kind === 'namespace') slips.push(`setsid env -i sleep ${seconds} &`);
  const background = { command: `sleep ${seconds}`, run_in_background: true };
  const foreground = { command: `${slips.join(' ')} sleep ${seconds}` };
  await one.session.prompt(
    `[[tool Bash ${JSON.stringify(background)}]] [[tool Bash ${JSON.stringify(foreground)}]]`,
  );
  await one.until(async () => (await processesLike(`sleep ${seconds}`)).length >= slips.length + 2, {
    what: 'everything to run',
  });
  return { one, seconds };
}

/** Waits until nothing of a session or its worker is left among all processes. */
async function nothingLeft(
  worker: string,
  { one, seconds }: Awaited<ReturnType<typeof busySession>>,
): Promise<void> {
  const left = async (): Promise<string[]> => {
    const found = await Promise.all([seconds, one.session.sessionId, worker].map(processesMentioning));
    return found.flat().map((info) => info.command);
  };
  await expect.poll(left, { timeout: 2_000, interval: 20 }).toEqual([]);
  expect(await isLiving(one.pid)).toBe(false);
}

describe.each(kinds)('a worker whose children are held by %s', (kind) => {
  it('that is killed leaves nothing of its CLIs and what they started, nor its guardian [A-16]', async () => {
    const name = `killed-${kind}`;
    await using worker = await system.startWorker({ HOLDFAST_CONTAINMENT: kind, HOLDFAST_WORKER_ID: name });
    const busy = await busySession(kind);
    expect(busy.one.all('child_started')).toMatchObject([{ containment: kind }]);
    await worker.stop('SIGKILL');
    await nothingLeft(name, busy);
  });

  it('whose CLI is killed loses what that started, and nothing else [A-16] [A-08]', async () => {
    await using worker = await system.startWorker({ HOLDFAST_CONTAINMENT: kind });
    const busy = await busySession(kind);
    process.kill(busy.one.pid, 'SIGKILL');
    await busy.one.one('turn_interrupted');
    await nothingLeft('no worker', busy);
    expect(worker.isRunning()).toBe(true);
    await busy.one.turn('[[say back]]');
  });
});

describe('a worker that is asked to stop', () => {
  let scratch: string;
  let worker: Service;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'hf-scratch-'));
    worker = await system.startWorker({ HOLDFAST_WORKER_ID: 'stopped', TMPDIR: scratch });
  });
  afterAll(async () => {
    await worker[Symbol.asyncDispose]();
    await rm(scratch, { recursive: true });
  });

  it('ends in order: no process and no temporary file is left, the turn is told, the session is free', async () => {
    const busy = await busySession(best);
    const ended = worker.stop('SIGTERM');
    expect(await busy.one.one('child_exited')).toMatchObject({ expected: true, cause: 'worker_stopping' });
    expect(await busy.one.one('turn_interrupted')).toMatchObject({ delivered: true });
    expect(await ended).toEqual({ code: 0, signal: null });
    await nothingLeft('stopped', busy);
    // The CLI makes an empty folder there for sockets that it has no use for here.
    const left = await readdir(scratch, { recursive: true, withFileTypes: true });
    expect(left.filter((entry) => !entry.isDirectory())).toEqual([]);
    expect((await client.http.inspect(busy.one.session.sessionId)).owner).toEqual({
      workerId: null,
      alive: false,
    });
  });
});
