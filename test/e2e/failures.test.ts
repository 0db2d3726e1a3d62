// What people are told when the CLI is missing, refused, broken or dying. One worker at a time, each set up to fail
// in its own way; the gateway and its clients never notice more than the events say.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@holdfast/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runToExit, type Service } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { clientOf, newSession, startSystem, type System } from './support/system.ts';

/** A scripted child that speaks the CLI's dialect and misbehaves on demand: see its head. */
const AGENT = fileURLToPath(new URL('../../apps/worker/test/children/agent.mjs', import.meta.url));

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

describe('a CLI that is not there', () => {
  it('fails the turn with an install pointer; the session and its worker live on [A-17]', async () => {
    await using worker = await system.startWorker({ CLAUDE_PATH: '/nowhere/claude' });
    const one = await newSession(client);
    for (const text of ['first', 'second']) {
      expect(await one.turn(text)).toMatchObject({
        stopReason: 'failed',
        error: {
          code: 'cli_missing',
          message: expect.stringMatching(/CLAUDE_PATH=\/nowhere\/claude .*unset it/),
        },
      });
    }
    await one.session.open();
    await until(() => one.all('notice').find((event) => event.kind === 'warning'), { what: 'the warning' });
    expect(one.all('child_started')).toEqual([]);
    expect((await client.http.inspect(one.session.sessionId)).session.status).toBe('idle');
    expect(worker.isRunning()).toBe(true);
  });

  it('that is no program at all fails the turn with what the system said and where to get another [A-17]', async () => {
    const broken = join(system.dataDir, 'claude');
    await writeFile(broken, 'this is not a program', { mode: 0o755 });
    await using worker = await system.startWorker({ CLAUDE_PATH: broken });
    const one = await newSession(client);
    const { error } = await one.turn('hello');
    expect(error?.code).toBe('cli_start_failed');
    expect(error?.message).toMatch(/ended before it was ready|could not be started/);
    expect(error?.message).toMatch(/install it again/);
    expect(worker.isRunning()).toBe(true);
  });
});

describe('credentials that are refused', () => {
  it('end the turn at once with a clear error, and never fall back to the demo model', async () => {
    await using _worker = await system.startWorker({
      HOLDFAST_MODEL: 'real',
      ANTHROPIC_BASE_URL: system.demoModel.url,
      ANTHROPIC_API_KEY: 'refused',
    });
    const one = await newSession(client);
    await one.session.open();
    await one.one('child_started', { modelSource: 'real' });
    const before = performance.now();
    const ended = await one.turn('hello');
    expect(ended).toMatchObject({
      stopReason: 'failed',
      error: { code: 'credentials_refused', message: expect.stringContaining('ANTHROPIC_API_KEY') },
    });
    // The CLI itself would repeat the call ten times, for minutes.
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(
      one
        .all('message_completed')
        .map((event) => event.text)
        .join(' '),
    ).not.toMatch(/demo model/i);
    const { pid } = one;
    expect(await one.turn('again')).toMatchObject({ error: { code: 'credentials_refused' } });
    expect(one.pid).toBe(pid);
  });
});

describe('a CLI that dies in a turn', () => {
  let worker: Service;
  beforeAll(async () => void (worker = await system.startWorker({ CLAUDE_PATH: AGENT })));
  afterAll(async () => worker[Symbol.asyncDispose]());

  it('what no version has said before passes through, and the turn goes on [H-05]', async () => {
    const one = await newSession(client);
    const { turnId } = await one.turn('tomorrow');
    expect(one.all('unknown')).toMatchObject([
      { turnId, source: 'hologram', raw: { uuid: 'h1' } },
      { turnId, source: 'system/weather', raw: { sky: 'clear' } },
      { turnId, source: 'assistant/smell', raw: { of: 'coffee' } },
    ]);
    expect(one.textOf(turnId)).toBe('after it');
    const { view } = await client.http.inspect(one.session.sessionId);
    expect(view.messages.at(-1)).toMatchObject({ kind: 'turn_end', stopReason: 'end_turn' });
  });

  it('its last line is an event though it has no newline, then come its death with its last words and the end of the turn [A-06] [A-12]', async () => {
    const one = await newSession(client);
    await one.turn('say hello');
    const { pid } = one;
    await one.session.prompt('die-mid-line');
    await one.one('turn_interrupted');
    const tail = one.events.slice(-3);
    expect(tail).toMatchObject([
      { type: 'message_completed', text: 'last words' },
      {
        type: 'child_exited',
        expected: false,
        cause: 'crashed',
        stderrTail: expect.stringContaining('it hurts'),
      },
      { type: 'turn_interrupted', delivered: true },
    ]);
    await one.turn('say back');
    expect(one.pid).not.toBe(pid);
    expect(worker.isRunning()).toBe(true);
  });

  it('a prompt that never reached it runs again by itself; after three attempts it waits, shown [B-02]', async () => {
    const one = await newSession(client);
    const ended = await one.turn('lose-once');
    expect(one.textOf(ended.turnId)).toBe('found again');
    expect(one.all('turn_started').map((event) => event.attempt)).toEqual([1, 2]);
    expect(new Set(one.all('turn_started').map((event) => event.turnId)).size).toBe(2);
    expect(one.all('turn_interrupted')).toMatchObject([{ delivered: false }]);
    const { promptId } = await one.session.prompt('lose');
    expect(await one.one('prompt_returned', { promptId, paused: true })).toBeDefined();
    expect(one.all('turn_started').filter((event) => event.promptId === promptId)).toHaveLength(3);
    const { session, view } = await client.http.inspect(one.session.sessionId);
    expect([session.status, view.queue.map((queued) => queued.promptId)]).toEqual(['paused', [promptId]]);
  });
});

describe('a configuration that can not work [K-04]', () => {
  const redisEnv = (): Record<string, string> => ({
    REDIS_URL: system.redis.address.url,
    HOLDFAST_REDIS_PASSWORD: system.redis.address.password ?? '',
    HOLDFAST_DATA_DIR: system.dataDir,
  });
  const main = 'apps/worker/src/main.ts';

  it('refuses to start and names the nearest variable', async () => {
    const exit = await runToExit({ main, env: { ...redisEnv(), HOLDFAST_MAX_CHILDERN: '3' } });
    expect(exit.code).toBe(1);
    expect(exit.output).toMatch(/HOLDFAST_MAX_CHILDERN.*HOLDFAST_MAX_CHILDREN/);
  });

  it('refuses to start with the demo model but no address for it', async () => {
    const exit = await runToExit({ main, env: { ...redisEnv(), HOLDFAST_MODEL: 'demo' } });
    expect(exit.code).toBe(1);
    expect(exit.output).toMatch(/HOLDFAST_DEMO_MODEL_URL is not set/);
  });
});
