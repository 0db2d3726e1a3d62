import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { textContent } from '@holdfast/shared/protocol';
import { createDeferred } from '@holdfast/shared/util';
import { planContainment } from '../../src/process/containment.ts';
import type { ChildEnvironment, ChildHost } from '../../src/session/child-host.ts';
import { createColdStarts } from '../../src/session/cold-starts.ts';
import type { SessionFiles } from '../../src/session/session-files.ts';
import { isLiving, livingProcesses, processesMentioning, stateOf } from '../../../../test/support/proc.ts';
import { until } from '../../../../test/support/until.ts';
import { makeHost, type Hosted } from '../support/hosting.ts';

const uuid = '11111111-1111-4111-8111-111111111111';
const plan = await planContainment('auto', process.getuid?.() ?? -1);
let dir: string;
const hosts: ChildHost[] = [];
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'hf-child-host-'))));
afterEach(async () => {
  await Promise.all(hosts.splice(0).map(async (host) => host.end('test_over', true)));
  await rm(dir, { recursive: true });
});

function hosted(
  changes: Partial<ChildEnvironment> = {},
  filesOf?: (files: SessionFiles) => SessionFiles,
): Hosted {
  const one = makeHost(dir, changes, filesOf);
  hosts.push(one.host);
  return one;
}

describe('a child', () => {
  it('is ready when it answers, with its pid, version and conversation, and is guarded until it is over', async () => {
    const guarded: string[] = [];
    const guardian = {
      childStarted: (sessionId: string, { pid }: { readonly pid: number }) =>
        void guarded.push(`started ${sessionId} ${pid}`),
      childGone: (sessionId: string) => void guarded.push(`gone ${sessionId}`),
    };
    const one = hosted({ guardian });
    one.start();
    expect(one.host.state).toBe('starting');
    const ready = await one.untilReady();
    expect(one.host.state).toBe('ready');
    expect(ready).toEqual({
      pid: ready.pid,
      cliVersion: '2.1.197',
      cliSessionId: ready.cliSessionId,
      resumed: false,
      ignored: [],
    });
    expect(await isLiving(ready.pid)).toBe(true);
    await one.host.end('parked', true);
    expect(one.overs).toEqual([
      {
        end: { kind: 'exited', exitCode: 0, signal: null },
        cause: 'parked',
        expected: true,
        wasReady: true,
        stderrTail: '',
      },
    ]);
    expect(one.host.state).toBe('none');
    expect(guarded).toEqual([`started ${one.sessionId} ${ready.pid}`, `gone ${one.sessionId}`]);
    expect(await isLiving(ready.pid)).toBe(false);
  });

  it('is started once, however often it is asked for [A-18]', async () => {
    const one = hosted();
    one.start();
    one.start();
    await one.untilReady();
    one.start();
    const mine = await processesMentioning(one.sessionId);
    expect(mine.map((info) => info.pid)).toEqual([one.ready[0]?.pid]);
    expect(one.ready).toHaveLength(1);
  });

  it('takes prompts and an interrupt, and gives out what it says', async () => {
    const one = hosted();
    one.start();
    await one.untilReady();
    expect(one.host.prompt(uuid, textContent('hang'))).toBe(true);
    await until(() => one.messages.some((message) => JSON.stringify(message).includes('message_start')), {
      what: 'the turn to begin',
    });
    expect(await one.host.interrupt()).toMatchObject({ status: 'ok' });
    await until(() => one.messages.some((message) => JSON.stringify(message).includes('aborted_streaming')), {
      what: 'the end of the turn',
    });
    one.host.prompt(uuid, textContent('bad-line'));
    await until(() => one.badLines.length > 0, { what: 'the bad line' });
    one.host.prompt(uuid, textContent('ask Bash'));
    await until(() => one.messages.some((message) => JSON.stringify(message).includes('can_use_tool')), {
      what: 'the question',
    });
    one.host.answer('q1', { behavior: 'deny' });
    await until(() => one.messages.some((message) => JSON.stringify(message).includes('told:')), {
      what: 'the answer',
    });
  });

  it('goes on with the conversation when there is a transcript of it, else begins it [A-02]', async () => {
    const one = hosted();
    one.start('plain');
    const first = await one.untilReady();
    one.host.prompt(uuid, textContent('say hello'));
    await until(() => one.messages.some((message) => JSON.stringify(message).includes('"result"')), {
      what: 'a turn',
    });
    await one.host.end('parked', true);
    one.start('plain', { cliSessionId: first.cliSessionId });
    await until(() => one.ready.length === 2, { what: 'the next child' });
    expect(one.ready[1]).toMatchObject({ resumed: true, cliSessionId: first.cliSessionId });
    await one.host.end('parked', true);
    one.start('plain', { cliSessionId: '22222222-2222-4222-8222-222222222222' });
    await until(() => one.ready.length === 3, { what: 'the third child' });
    expect(one.ready[2]).toMatchObject({ resumed: false });
  });

  it('whose reading is stopped says nothing more until it is read again', async () => {
    const one = hosted();
    one.start();
    await one.untilReady();
    one.host.setReading(false);
    one.host.prompt(uuid, textContent('flood 2000'));
    await until(async () => (await stateOf(one.ready[0]?.pid ?? 0)) === 'S', { what: 'the child to wait' });
    expect(one.messages.length).toBeLessThan(2_000);
    one.host.setReading(true);
    await until(() => one.messages.length >= 2_000, { what: 'all of it' });
  });

  it.runIf(plan.kind === 'namespace')(
    'in a namespace is known by its own pid, not by that of what holds it',
    async () => {
      const one = hosted({ containment: plan });
      one.start();
      const { pid } = await one.untilReady();
      const info = (await livingProcesses()).find((found) => found.pid === pid);
      expect(info?.command).toMatch(/^\S*node .*agent\.mjs/);
    },
  );
});

describe('a child that can not be started', () => {
  it('is over with the reason: no CLI, no workspace, no folder of its own [A-17]', async () => {
    const missing = hosted({ claudePath: null });
    missing.start();
    expect(await missing.untilOver()).toMatchObject({
      end: { kind: 'spawn_failed', code: 'ENOENT' },
      wasReady: false,
    });
    const homeless = hosted();
    homeless.start('plain', { cwd: join(dir, 'gone') });
    expect(await homeless.untilOver()).toMatchObject({
      end: { code: 'cwd_missing', message: join(dir, 'gone') },
    });
    const locked = hosted({}, (files) => ({
      ...files,
      configDir: async () => Promise.reject(new Error('disk full')),
    }));
    locked.start();
    expect(await locked.untilOver()).toMatchObject({
      end: { kind: 'spawn_failed', code: 'start_failed', message: 'disk full' },
      cause: 'spawn_failed',
      expected: false,
    });
    expect([missing, homeless, locked].map((one) => one.host.state)).toEqual(['none', 'none', 'none']);
  });

  it('is over with its last words when it dies before it answers', async () => {
    const one = hosted();
    one.start('dies');
    expect(await one.untilOver()).toMatchObject({
      end: { exitCode: 3 },
      cause: 'crashed',
      wasReady: false,
      stderrTail: 'no way',
    });
    expect(one.ready).toEqual([]);
  });

  it('is ended when it refuses to be initialised', async () => {
    const one = hosted();
    one.start('refuses');
    expect(await one.untilOver()).toMatchObject({ cause: 'not_ready', expected: false, wasReady: false });
  });

  it('and may start again after that', async () => {
    const one = hosted();
    one.start('dies');
    await one.untilOver();
    one.start();
    await one.untilReady();
  });
});

describe('ending', () => {
  it('without a child is nothing', async () => {
    const one = hosted();
    await one.host.end('parked', true);
    one.host.setReading(false);
    one.host.answer('q1', {});
    expect(one.host.prompt(uuid, [])).toBe(false);
    expect(await one.host.interrupt()).toEqual({ status: 'ended' });
    expect(one.overs).toEqual([]);
  });

  it('while it waits for its turn to start calls the start off', async () => {
    const coldStarts = createColdStarts(1);
    const gate = createDeferred<void>();
    void coldStarts.run(async () => gate.promise);
    const one = hosted({ coldStarts });
    one.start();
    await one.host.end('session_deleted', true);
    gate.resolve();
    expect(await one.untilOver()).toMatchObject({
      cause: 'session_deleted',
      expected: true,
      wasReady: false,
    });
    expect(await processesMentioning(one.sessionId)).toEqual([]);
  });

  it('while it is being prepared leaves no process behind, and nothing that is made later', async () => {
    const gate = createDeferred<void>();
    let asked = false;
    const one = hosted({}, (files) => ({
      ...files,
      configDir: async () => {
        asked = true;
        await gate.promise;
        return files.configDir();
      },
    }));
    await mkdir(join(dir, 'w'));
    one.start('plain', { cwd: join(dir, 'w') });
    await until(() => asked, { what: 'the folders to be made' });
    const ended = one.host.end('worker_stopping', true);
    gate.resolve();
    await ended;
    // What was made is there by now: whoever removes it after this removes all of it.
    const [session = ''] = await readdir(join(dir, 'users', 'local', 'sessions'));
    expect((await readdir(join(dir, 'users', 'local', 'sessions', session))).sort()).toEqual([
      'config',
      'scratch',
    ]);
    expect(await one.untilOver()).toMatchObject({ cause: 'worker_stopping', expected: true });
    expect(await processesMentioning(one.sessionId)).toEqual([]);
    expect(one.ready).toEqual([]);
  });

  it('before anything was made for it makes nothing [B-11]', async () => {
    const one = hosted();
    one.start();
    await one.host.end('session_deleted', true);
    expect(await one.untilOver()).toMatchObject({ cause: 'session_deleted', expected: true });
    expect(await readdir(dir)).toEqual([]);
  });

  it('before it is ready is told by the first cause only', async () => {
    const one = hosted();
    one.start('silent');
    await until(async () => (await processesMentioning(one.sessionId)).length > 0, { what: 'the process' });
    await Promise.all([one.host.end('worker_stopping', true), one.host.end('another', false)]);
    expect(one.overs).toMatchObject([{ cause: 'worker_stopping', expected: true, wasReady: false }]);
  });

  it('one that obeys nothing comes to an end all the same [C-02]', async () => {
    const one = hosted();
    one.start('stubborn');
    const { pid } = await one.untilReady();
    const before = performance.now();
    await one.host.end('parked', true);
    expect(await one.untilOver()).toMatchObject({ end: { signal: 'SIGKILL' }, cause: 'parked' });
    expect(performance.now() - before).toBeLessThan(4_000);
    expect(await isLiving(pid)).toBe(false);
  });

  it('comes by itself after a line that is too long to hold [A-12]', async () => {
    const one = hosted();
    one.start();
    await one.untilReady();
    one.host.prompt(uuid, textContent('long-line'));
    expect(await one.untilOver()).toMatchObject({
      cause: 'stdout_line_too_long',
      expected: false,
      wasReady: true,
    });
  });
});
