// What is wrong around a session rather than in it: names that are no models, a conversation or a workspace that has
// vanished, a disk that is full. The person is told what it is; the worker lives, and the session works again after.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Client } from '@holdfast/client';
import type { SessionSettingsInput } from '@holdfast/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientOf, newSession, startSystem, type Follower, type System } from '../../e2e/support/system.ts';
import { startGateway, startWorker, type Service } from '../../support/processes.ts';
import { until } from '../../support/until.ts';

const run = promisify(execFile);
let system: System;
let client: Client;
let worker: Service;

beforeAll(async () => {
  system = await startSystem();
  client = clientOf(system.gateway);
  worker = await system.startWorker();
});
afterAll(async () => {
  client.close();
  await worker[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

async function killChild(one: Follower): Promise<void> {
  const count = one.all('child_exited').length;
  process.kill(one.pid, 'SIGKILL');
  await one.until(() => one.all('child_exited').length > count, { what: 'the end of the CLI' });
}

/** The transcripts of a session. */
async function transcriptsOf(sessionId: string): Promise<string[]> {
  const root = join(system.dataDir, 'users');
  const names = await readdir(root, { recursive: true });
  return names
    .filter((name) => name.includes(sessionId) && name.endsWith('.jsonl'))
    .map((name) => join(root, name));
}

async function said(one: Follower, prompt: string): Promise<string> {
  const { turnId } = await one.turn(prompt);
  return one.textOf(turnId);
}

describe('settings that the CLI would take and choke on', () => {
  const wrong: readonly (readonly [string, unknown])[] = [
    ['model', 'no-such-model'],
    ['model', 'claude opus'],
    ['model', '--dangerously-skip-permissions'],
    ['permissionMode', 'nonsense'],
    ['permissionMode', 'bypassPermissions'],
  ];
  it.each(wrong)(
    '%s %s is refused by name, over HTTP and WebSocket, and no session is made',
    async (field, value) => {
      const before = (await client.http.list()).length;
      const settings = { [field]: value } as SessionSettingsInput; // wrong on purpose
      const answer = await fetch(`${system.gateway.url}/v1/sessions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${system.gateway.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ createId: `c-${field}-${String(value)}`.replaceAll(' ', '_'), settings }),
      });
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({
        error: { code: 'bad_request', details: { issues: [{ path: `settings.${field}` }] } },
      });
      await expect(client.create({ settings })).rejects.toMatchObject({ code: 'bad_request' });
      expect(await client.http.list()).toHaveLength(before);
    },
  );
});

describe('a conversation that has vanished', () => {
  it('begins anew, and the session says so [A-02]', async () => {
    const one = await newSession(client);
    expect(await said(one, '[[say first]]')).toBe('first');
    await killChild(one);
    const transcripts = await transcriptsOf(one.session.sessionId);
    expect(transcripts).toHaveLength(1);
    for (const file of transcripts) await rm(file);
    expect(await said(one, '[[say second]]')).toBe('second');
    expect(one.all('child_started').at(-1)).toMatchObject({ resumed: false });
    const warnings = one.all('notice').filter((event) => event.kind === 'warning');
    expect(warnings.map((event) => event.text)).toEqual([expect.stringMatching(/begins anew/)]);
  });

  it('although its file is there, fails no prompt for ever: the CLI that refuses it is started without it [A-02]', async () => {
    const one = await newSession(client);
    expect(await said(one, '[[say first]]')).toBe('first');
    await killChild(one);
    // Under the key of another working directory the CLI does not find it.
    for (const file of await transcriptsOf(one.session.sessionId)) {
      const elsewhere = join(dirname(dirname(file)), '-elsewhere');
      await mkdir(elsewhere);
      await rename(file, join(elsewhere, file.slice(dirname(file).length + 1)));
    }
    const second = await one.turn('[[say second]]');
    expect(second).toMatchObject({ stopReason: 'end_turn', error: null });
    expect(one.textOf(second.turnId)).toBe('second');
    expect(one.all('child_started').at(-1)).toMatchObject({ resumed: false });
    expect(worker.isRunning()).toBe(true);
  });
});

describe('a workspace that has vanished', () => {
  it('fails the turn by its name, and serves it again once it is back', async () => {
    const one = await newSession(client);
    expect(await said(one, '[[say first]]')).toBe('first');
    const { cwd } = await client.http.inspect(one.session.sessionId).then(({ view }) => view);
    await killChild(one);
    await rm(cwd, { recursive: true });
    expect(await one.turn('[[say lost]]')).toMatchObject({
      stopReason: 'failed',
      error: { code: 'cwd_missing', message: expect.stringContaining(cwd) },
    });
    await mkdir(cwd);
    expect(await said(one, '[[say again]]')).toBe('again');
    expect(worker.isRunning()).toBe(true);
  });
});

describe('a disk that is full', () => {
  const dirs: string[] = [];
  afterAll(async () => {
    for (const dir of dirs) {
      await run('umount', ['-l', dir]).catch(() => undefined);
      await rm(dir, { recursive: true, force: true });
    }
  });

  /** A data folder of 3 MB; null where none can be mounted. */
  async function smallDisk(): Promise<string | null> {
    const dir = await mkdtemp(join(tmpdir(), 'hf-small-'));
    dirs.push(dir);
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', dir]).then(
      () => true,
      () => false,
    );
    return mounted ? dir : null;
  }

  it('fails turns visibly instead of hanging, loses no prompt, and all goes on once there is room', async ({
    skip,
  }) => {
    const dataDir = await smallDisk();
    if (dataDir === null) return skip('no file system can be mounted here');
    await worker.stop();
    const { redis, demoModel } = system;
    await using gateway = await startGateway({ redis, dataDir });
    await using small = await startWorker({ redis, dataDir, demoModel });
    const own = clientOf(gateway);
    const one = await newSession(own);
    expect(await said(one, '[[say first]]')).toBe('first');
    await killChild(one);
    await writeFile(join(dataDir, 'filler'), Buffer.alloc(3 * 1024 * 1024)).catch(() => undefined);
    const { promptId } = await one.session.prompt('[[say second]]');
    const ended = await one.until(
      () => {
        const turns = one.all('turn_started').filter((event) => event.promptId === promptId);
        const ends = [...one.all('turn_ended'), ...one.all('turn_interrupted')];
        return ends.find((event) => turns.some(({ turnId }) => turnId === event.turnId));
      },
      { what: 'an end of the turn' },
    );
    // The CLI answers without its transcript, or fails: in any case the turn has its one end.
    expect(['turn_ended', 'turn_interrupted']).toContain(ended.type);
    await rm(join(dataDir, 'filler'));
    expect(await said(one, '[[say third]]')).toBe('third');
    const fresh = await newSession(own);
    expect(await said(fresh, '[[say fourth]]')).toBe('fourth');
    expect(small.isRunning()).toBe(true);
    own.close();
  });

  it('keeps nobody else from working', async () => {
    await using again = await system.startWorker();
    const one = await newSession(client);
    expect(await said(one, '[[say fine]]')).toBe('fine');
    await until(() => again.isRunning(), { what: 'the worker' });
    expect(again.isRunning()).toBe(true);
  });
});
