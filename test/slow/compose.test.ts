// Holdfast as docker-compose.yml runs it, in real containers with the real CLI. Run it by `npm run test:compose`.
import { existsSync } from 'node:fs';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Client, type Session } from '@holdfast/client';
import type { EventBodyOf, EventType, SessionEvent } from '@holdfast/shared/protocol';
import { until } from '../support/until.ts';
import { findEngine, type Engine } from './compose/engine.ts';
import { belongings, composeOf, docker, startStack, type Belongings, type Stack } from './compose/stack.ts';

const TURN_LIMIT_MS = 60_000;

let engine: Engine;
let before: Belongings;
let stack: Stack | undefined;
let client: Client;

beforeAll(async () => {
  engine = await findEngine();
  if (engine.status === 'missing') {
    console.warn(`Skipped: ${engine.problem}`);
    return;
  }
  before = await belongings();
  stack = await startStack(engine, { workers: 2 });
  client = new Client({ url: stack.url, token: stack.token });
});
beforeEach((context) => {
  if (engine.status === 'missing') context.skip(engine.problem);
});
afterAll(async () => {
  client?.close();
  await stack?.remove();
});

function running(): Stack {
  if (stack === undefined) throw new Error('the stack was removed');
  return stack;
}

/** The first event of `type` from the start of the log that `isIt` accepts. */
async function eventOf<T extends EventType>(
  session: Session,
  type: T,
  isIt: (event: EventBodyOf<T>) => boolean = () => true,
): Promise<EventBodyOf<T>> {
  const signal = AbortSignal.timeout(TURN_LIMIT_MS);
  const seen: string[] = [];
  for await (const item of session.events({ from: 'start', signal })) {
    if (item.kind !== 'event') continue;
    seen.push(item.event.type);
    if (isType(item.event, type) && isIt(item.event)) return item.event;
  }
  throw new Error(`no ${type} in time, only: ${seen.join(', ')}`);
}

function isType<T extends EventType>(event: SessionEvent, type: T): event is SessionEvent & EventBodyOf<T> {
  return event.type === type;
}

/** The container whose worker owns the session: a worker's name starts with its host's, the container's short id. */
async function containerOf(session: Session): Promise<string> {
  const { owner } = await client.http.inspect(session.sessionId);
  const workers = (await running().containers()).filter(({ service }) => service === 'worker');
  const found = workers.find(({ id }) => owner.workerId?.startsWith(id.slice(0, 12)));
  if (found === undefined) throw new Error(`no container of worker ${owner.workerId}`);
  return found.id;
}

describe('docker-compose.yml', () => {
  it('refuses to load without a token and says what to do', async () => {
    if (engine.status === 'missing') throw new Error(engine.problem);
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-compose-'));
    const file = join(folder, 'env');
    await writeFile(file, 'HOLDFAST_REDIS_PASSWORD=0123456789abcdef\n');
    const compose = composeOf(engine, ['--env-file', file]);
    await expect(compose(['config', '--quiet'])).rejects.toThrow(
      /HOLDFAST_TOKEN is not set\. Copy \.env\.example to \.env/,
    );
    await rm(folder, { recursive: true });
  });

  it('answers a prompt with the real CLI through the published port [K-01]', async () => {
    const { session } = await client.create();
    await session.prompt('[[say from a container]]');
    const started = await eventOf(session, 'child_started');
    expect(started.modelSource).toBe('demo');
    expect(started.cliVersion).toMatch(/^\d+\.\d+\.\d+/);
    const answer = await eventOf(session, 'message_completed', ({ kind }) => kind === 'text');
    expect(answer.text).toContain('from a container');
    expect((await eventOf(session, 'turn_ended')).stopReason).toBe('end_turn');
    const processes = [...(await running().processes(await containerOf(session))).values()];
    expect(processes.filter((args) => /claude-code-linux-\S+\/claude --print/.test(args))).not.toEqual([]);
  });

  it('loses every process of a killed worker; the other worker answers a new session and takes the cut turn over [K-01]', async () => {
    const { session } = await client.create({ settings: { allowedTools: ['Bash'] } });
    await session.prompt('[[tool Bash {"command":"setsid sleep 7200 & sleep 7201"}]]');
    await eventOf(session, 'tool_call_started');
    const container = await containerOf(session);
    const processes = await until(
      async () => {
        const found = await running().processes(container);
        const lines = [...found.values()];
        return ['sleep 7200', 'sleep 7201'].every((args) => lines.includes(args)) ? found : undefined;
      },
      { what: 'the commands to run' },
    );
    await docker('kill', container);
    await until(() => ![...processes.keys()].some((pid) => existsSync(`/proc/${pid}`)), {
      what: 'every process of the container to be gone',
    });
    const alive = (await running().containers()).filter((one) => one.running).map(({ id }) => id);
    expect(alive).not.toContain(container);
    const { session: next } = await client.create();
    await next.prompt('[[say still here]]');
    expect((await eventOf(next, 'turn_ended')).stopReason).toBe('end_turn');
    expect(await containerOf(next)).not.toBe(container);
    expect((await eventOf(session, 'turn_interrupted')).delivered).toBe(true);
    expect(await containerOf(session)).toBe(await containerOf(next));
  });

  it('ends every part in order on SIGTERM, and leaves nothing behind when it is removed', async () => {
    const killed = (await running().containers()).filter((container) => !container.running);
    client.close();
    await running().compose(['stop', '--timeout', '40']);
    const stopped = (await running().containers()).filter(({ id }) => killed.every((dead) => dead.id !== id));
    expect(stopped.map(({ service, exitCode }) => `${service} ${exitCode}`).sort()).toEqual([
      'demo-model 0',
      'gateway 0',
      'redis 0',
      'worker 0',
    ]);
    await running().remove();
    stack = undefined;
    expect(await belongings()).toEqual(before);
  });
});
