// What is left of a worker that was killed or stopped: nothing. Shown by looking at every process of this machine.
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
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

/** Has the CLI run a Bash that starts processes in every way they can slip away; gives what to look for. */
async function busy(one: Follower, kind: 'namespace' | 'sweep'): Promise<string> {
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
  return seconds;
}

const bashSession = async (): Promise<Follower> =>
  newSession(client, { settings: { allowedTools: ['Bash'] } });

/** Waits until no process of this machine mentions one of these. */
async function nothingLeft(...texts: string[]): Promise<void> {
  const left = async (): Promise<string[]> => {
    const found = await Promise.all(texts.map(processesMentioning));
    return found.flat().map((info) => info.command);
  };
  await expect.poll(left, { timeout: 2_000, interval: 20 }).toEqual([]);
}

describe.each(kinds)('a worker whose children are held by %s', (kind) => {
  const name = `killed-${kind}-${process.pid}`;
  let worker: Service;
  let one: Follower;
  beforeAll(async () => {
    worker = await system.startWorker({ HOLDFAST_CONTAINMENT: kind, HOLDFAST_WORKER_ID: name });
    one = await bashSession();
  });
  afterAll(async () => worker[Symbol.asyncDispose]());

  it('and whose CLI is killed loses what that started, and nothing else [A-16] [A-08]', async () => {
    const seconds = await busy(one, kind);
    expect(one.all('child_started')).toMatchObject([{ containment: kind }]);
    process.kill(one.pid, 'SIGKILL');
    await one.one('turn_interrupted');
    await nothingLeft(seconds, one.session.sessionId);
    expect(worker.isRunning()).toBe(true);
  });

  it('that is killed itself leaves nothing of its CLIs and what they started, nor its guardian [A-16]', async () => {
    const seconds = await busy(one, kind);
    const { pid } = one;
    await worker.stop('SIGKILL');
    await nothingLeft(seconds, one.session.sessionId, name);
    expect(await isLiving(pid)).toBe(false);
  });
});

describe('a worker that is asked to stop', () => {
  const name = `stopped-${process.pid}`;
  let scratch: string;
  let worker: Service;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'hf-scratch-'));
    worker = await system.startWorker({ HOLDFAST_WORKER_ID: name, TMPDIR: scratch });
  });
  afterAll(async () => {
    await worker[Symbol.asyncDispose]();
    await rm(scratch, { recursive: true });
  });

  it('ends in order: no process and no temporary file is left, the turn is told, the session is free', async () => {
    const one = await bashSession();
    const { sessionId } = one.session;
    const seconds = await busy(one, best);
    const ended = worker.stop('SIGTERM');
    expect(await one.one('child_exited')).toMatchObject({ expected: true, cause: 'worker_stopping' });
    expect(await one.one('turn_interrupted')).toMatchObject({ delivered: true });
    expect(await ended).toEqual({ code: 0, signal: null });
    await nothingLeft(seconds, sessionId, name);
    // The CLI makes an empty folder there for sockets that it has no use for here.
    const left = await readdir(scratch, { recursive: true, withFileTypes: true });
    expect(left.filter((entry) => !entry.isDirectory())).toEqual([]);
    expect((await client.http.inspect(sessionId)).owner).toEqual({ workerId: null, alive: false });
  });
});

describe('a gateway that is asked to stop', () => {
  it('ends in order and leaves its port free', async () => {
    await using gateway = await system.startGateway();
    expect(await gateway.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    await expect(fetch(`${gateway.url}/healthz`)).rejects.toThrow(/fetch failed/);
    const server = createServer().listen(gateway.port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
  });
});
