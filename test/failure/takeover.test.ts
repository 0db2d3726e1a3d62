import { readdir, readFile } from 'node:fs/promises';
import { Client, type Session } from '@holdfast/client';
import type { SessionEvent } from '@holdfast/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  makeDataDir,
  startDemoModel,
  startGateway,
  startWorker,
  type Service,
  type TestDemoModel,
  type TestGateway,
} from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

let redis: TestRedis;
let demoModel: TestDemoModel;
let gateway: TestGateway;
let data: Awaited<ReturnType<typeof makeDataDir>>;

beforeAll(async () => {
  redis = await startRedis();
  data = await makeDataDir();
  demoModel = await startDemoModel();
  gateway = await startGateway({ redis, dataDir: data.path });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await demoModel[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await data[Symbol.asyncDispose]();
});

const worker = async (): Promise<Service> => startWorker({ redis, dataDir: data.path, demoModel });

/** Follows a session; `seen` grows with every event. */
function follow(session: Session): { readonly seen: SessionEvent[] } {
  const seen: SessionEvent[] = [];
  void (async () => {
    for await (const item of session.events({ from: 'start' }))
      if (item.kind === 'event') seen.push(item.event);
  })().catch(() => {});
  return { seen };
}

/** Processes that carry the session's marker, with their state letter (T: stopped, Z: zombie). */
async function processesOf(sessionId: string): Promise<{ pid: number; state: string }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      if (!environment.includes(sessionId)) return null;
      const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
      const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
      return state === '' || state === 'Z' ? null : { pid: Number(pid), state };
    }),
  );
  return found.filter((entry) => entry !== null);
}

const typesOf = (events: readonly SessionEvent[], type: SessionEvent['type']): SessionEvent[] =>
  events.filter((event) => event.type === type);

async function runningTool(client: Client): Promise<{ session: Session; seen: SessionEvent[] }> {
  const { session } = await client.create({ settings: { allowedTools: ['Bash'] } });
  const { seen } = follow(session);
  await session.prompt('[[say first]]');
  await until(() => typesOf(seen, 'turn_ended').length === 1, { what: 'the first turn', limitMs: 30_000 });
  await session.prompt('[[tool Bash {"command":"(setsid env -i sleep 300 &) ; sleep 300"}]]');
  await until(() => typesOf(seen, 'tool_call_started').length === 1, { what: 'the tool call' });
  await until(async () => (await processesOf(session.sessionId)).length >= 2, { what: 'the tool to run' });
  return { session, seen };
}

async function afterTakeover(session: Session, seen: SessionEvent[]): Promise<void> {
  const interrupted = typesOf(seen, 'turn_interrupted');
  expect(interrupted).toHaveLength(1);
  expect(interrupted[0]).toMatchObject({ delivered: true });
  await session.prompt('[[say after]]');
  await until(() => seen.some((event) => event.type === 'message_completed' && event.text === 'after'), {
    what: 'the answer after the takeover',
    limitMs: 30_000,
  });
  const started = typesOf(seen, 'child_started');
  expect(started.at(-1)).toMatchObject({ resumed: true });
  expect(seen.map((event) => event.offset)).toEqual(seen.map((_event, index) => index + 1));
}

describe('takeover', () => {
  it('a worker that is SIGKILLed leaves no process; another one goes on with the conversation [E-03] [A-02] [A-16] [B-08]', async () => {
    await using first = await worker();
    using client = new Client({ url: gateway.url, token: gateway.token });
    const { session, seen } = await runningTool(client);
    await using second = await worker();
    const killedAt = performance.now();
    await first.stop('SIGKILL');
    await until(async () => (await processesOf(session.sessionId)).length === 0, {
      what: 'the children to be gone',
      limitMs: 2_000,
    });
    await until(() => typesOf(seen, 'turn_interrupted').length === 1, {
      what: 'the takeover',
      limitMs: 5_000,
    });
    expect(performance.now() - killedAt).toBeLessThan(5_000);
    await afterTakeover(session, seen);
    expect(second.isRunning()).toBe(true);
  });

  it('a worker that is stopped has its children frozen before another one claims, and writes nothing after [E-04] [E-01]', async () => {
    await using first = await worker();
    using client = new Client({ url: gateway.url, token: gateway.token });
    const { session, seen } = await runningTool(client);
    await using second = await worker();
    process.kill(first.pid, 'SIGSTOP');
    const before = await processesOf(session.sessionId);
    await until(async () => (await processesOf(session.sessionId)).every((entry) => entry.state === 'T'), {
      what: 'the children to be frozen',
      limitMs: 9_000,
    });
    expect(typesOf(seen, 'turn_interrupted')).toHaveLength(0);
    expect((await processesOf(session.sessionId)).map((entry) => entry.pid)).toEqual(
      before.map((entry) => entry.pid),
    );
    await until(() => typesOf(seen, 'turn_interrupted').length === 1, {
      what: 'the takeover',
      limitMs: 13_000,
    });
    process.kill(first.pid, 'SIGCONT');
    await until(
      async () =>
        (await processesOf(session.sessionId)).every((entry) => !before.some((old) => old.pid === entry.pid)),
      {
        what: 'the old children to end',
        limitMs: 10_000,
      },
    );
    await afterTakeover(session, seen);
    expect(typesOf(seen, 'owner_changed')).toHaveLength(2);
    expect(second.isRunning()).toBe(true);
  });

  it('a worker that is asked to stop hands its sessions over and exits 0 [E-05]', async () => {
    const first = await worker();
    using client = new Client({ url: gateway.url, token: gateway.token });
    const { session } = await client.create({});
    const { seen } = follow(session);
    await session.prompt('[[say first]]');
    await until(() => typesOf(seen, 'turn_ended').length === 1, { what: 'the first turn', limitMs: 30_000 });
    await using second = await worker();
    expect(await first.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await processesOf(session.sessionId)).toEqual([]);
    await session.prompt('[[say second]]');
    await until(() => typesOf(seen, 'turn_ended').length === 2, { what: 'the second turn', limitMs: 30_000 });
    expect(second.isRunning()).toBe(true);
  });
});
