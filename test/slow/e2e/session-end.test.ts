// The end of a session with the real CLI, deleted by its user or by retention: the child ends, and everything that the
// session owned is gone, by a scan of all keys, all files and all processes.
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@holdfast/client';
import type { Redis } from '@holdfast/shared/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processesMentioning } from '../../support/proc.ts';
import { until } from '../../support/until.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from '../../e2e/support/system.ts';

let system: System;
let client: Client;
let redis: Redis;

beforeAll(async () => {
  system = await startSystem();
  client = clientOf(system.gateway);
  redis = system.redis.connect();
});
afterAll(async () => {
  client.close();
  await system[Symbol.asyncDispose]();
});

const code = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: unknown) => String(Reflect.get(Object(error), 'code')),
  );

/** The kinds of keys that mention the session in their name. */
async function keysOf(sessionId: string): Promise<string[]> {
  const keys = await redis.keys(`*${sessionId}*`);
  return keys.map((key) => key.split(':').at(-1) ?? '').toSorted();
}

/** Files under the data folder that mention one of the ids in their path or their text. */
async function filesOf(ids: readonly string[]): Promise<string[]> {
  const entries = await readdir(system.dataDir, { recursive: true, withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const text = entry.isFile() ? await readFile(path, 'latin1').catch(() => '') : '';
      return ids.some((id) => path.includes(id) || text.includes(id)) ? [path] : [];
    }),
  );
  return found.flat().map((path) => path.slice(system.dataDir.length + 1));
}

/** Waits until nothing at all is left of the session but the folder it worked in. */
async function nothingLeft(session: Follower, cliSessionId: string): Promise<void> {
  const { sessionId } = session.session;
  await until(async () => (await keysOf(sessionId)).length === 0, {
    what: 'all keys to go',
    limitMs: 20_000,
  });
  const files = (await filesOf([sessionId, cliSessionId])).filter(
    (path) => path !== `workspaces/${sessionId}`,
  );
  expect(files).toEqual([]);
  const temporary = await readdir(tmpdir());
  expect(temporary.filter((name) => name.includes(sessionId) || name.includes(cliSessionId))).toEqual([]);
  expect(await processesMentioning(sessionId)).toEqual([]);
  for (const key of await redis.keys('hf:{workers}:active:*')) {
    expect(await redis.smembers(key)).not.toContain(sessionId);
  }
  for (const key of await redis.keys('hf:user:*:sessions')) {
    expect(await redis.zscore(key, sessionId)).toBeNull();
  }
  expect(await code(client.http.inspect(sessionId))).toBe('session_not_found');
}

async function cliSessionOf({ session }: Follower): Promise<string> {
  const [key = ''] = await redis.keys(`*${session.sessionId}:meta`);
  return (await redis.hget(key, 'cli')) ?? '';
}

describe('a session that is deleted', () => {
  it('in the middle of its work leaves no key, no file but its workspace, and no process [B-11]', async () => {
    await using worker = await system.startWorker();
    const gone = await newSession(client, { title: 'Gone soon' });
    await gone.turn('[[say first]]');
    await gone.session.prompt('[[tool Bash {"command":"echo asked > asked.txt"}]]');
    await gone.one('approval_requested');
    const { promptId } = await gone.session.prompt('[[say never]]');
    await gone.one('prompt_queued', { promptId });
    const { sessionId } = gone.session;
    const cliSessionId = await cliSessionOf(gone);
    expect(await keysOf(sessionId)).toEqual(
      expect.arrayContaining(['approvals', 'events', 'history', 'idem', 'inbox', 'meta', 'order', 'queue']),
    );
    const files = await filesOf([sessionId]);
    expect(files).toContainEqual(expect.stringMatching(/\/config\/projects\/.*\.jsonl$/));
    expect((await processesMentioning(sessionId)).length).toBeGreaterThan(0);
    await client.http.delete(sessionId);
    expect((await client.http.list()).map((row) => row.sessionId)).not.toContain(sessionId);
    await nothingLeft(gone, cliSessionId);
    expect(worker.isRunning()).toBe(true);
  });

  it('while no worker runs is gone as soon as one does [B-11]', async () => {
    const gone = await newSession(client);
    const { sessionId } = gone.session;
    await client.http.delete(sessionId);
    expect(await code(client.http.inspect(sessionId))).toBe('session_not_found');
    expect(await keysOf(sessionId)).toContain('meta');
    await using worker = await system.startWorker();
    await nothingLeft(gone, 'none was started');
    expect(worker.isRunning()).toBe(true);
  });
});

describe('a session that nobody uses', () => {
  it('is deleted when its time is over, and one that is in use is not [B-11]', async () => {
    await using worker = await system.startWorker({
      HOLDFAST_RETENTION_DAYS: String(3_000 / (24 * 3600 * 1000)),
      HOLDFAST_HOUSEKEEPING_MINUTES: '0.01',
    });
    const busy = await newSession(client);
    const idle = await newSession(client);
    await idle.turn('[[say once]]');
    const cliSessionId = await cliSessionOf(idle);
    const { promptId } = await busy.session.prompt('[[text count=3000 rate=20]]');
    const { turnId } = await busy.one('turn_started', { promptId });
    await nothingLeft(idle, cliSessionId);
    expect(worker.logs()).toContainEqual(
      expect.objectContaining({
        sessionId: idle.session.sessionId,
        msg: expect.stringContaining('idle for too long') as unknown,
      }),
    );
    expect((await client.http.list()).map((row) => row.sessionId)).toEqual([busy.session.sessionId]);
    await busy.session.abort({ turnId });
    await busy.one('turn_ended', { turnId, stopReason: 'aborted' });
  });
});
