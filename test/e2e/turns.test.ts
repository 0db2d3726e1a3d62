// Prompts through the gateway into one long-lived, real Claude Code process and back.
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@holdfast/client';
import { mintSessionId } from '@holdfast/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findMarked } from '../../apps/worker/src/process/containment.ts';
import { isLiving, livingProcesses } from '../support/proc.ts';
import type { Service } from '../support/processes.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from './support/system.ts';

let system: System;
let worker: Service;
let client: Client;
/** The session of the first group: its child stays warm from test to test. */
let one: Follower;

beforeAll(async () => {
  system = await startSystem();
  worker = await system.startWorker({ HOLDFAST_WORKER_ID: 'w1' });
  client = clientOf(system.gateway);
  one = await newSession(client);
});
afterAll(async () => {
  client.close();
  await worker[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

describe('a session', () => {
  it('runs two prompts on one child, which inspect shows with pid, turns and worker [A-01]', async () => {
    const first = await one.turn('[[say first answer]]');
    const { pid } = one;
    const second = await one.turn('[[say second answer]]');
    expect([one.textOf(first.turnId), one.textOf(second.turnId)]).toEqual(['first answer', 'second answer']);
    expect(one.all('child_started')).toHaveLength(1);
    expect(await isLiving(pid)).toBe(true);
    const details = await client.http.inspect(one.session.sessionId);
    expect(details).toMatchObject({
      owner: { workerId: 'w1', alive: true },
      view: { child: { state: 'running', pid, turns: 2, modelSource: 'demo' }, owner: { workerId: 'w1' } },
    });
    expect(second).toMatchObject({ stopReason: 'end_turn', error: null });
    expect(second.costUsd).toBeGreaterThan(0);
  });

  it('queues prompts that come at once and runs them one at a time, in order [B-01]', async () => {
    const before = one.events.length;
    const texts = ['[[say a]]', '[[say b]]', '[[say c]]'];
    const sent = await Promise.all(texts.map(async (text) => one.session.prompt(text)));
    const last = await one.one('turn_started', { promptId: sent[2]?.promptId ?? null });
    await one.one('turn_ended', { turnId: last.turnId });
    const turns = one.events
      .slice(before)
      .filter((event) => event.type === 'turn_started' || event.type === 'turn_ended');
    expect(turns.map((event) => event.type === 'turn_started' && event.promptId)).toEqual(
      sent.flatMap(({ promptId }) => [promptId, false]),
    );
  });

  it('runs a prompt that is sent twice once [B-03]', async () => {
    await one.session.prompt('[[say once]]', { promptId: 'same' });
    expect(await one.session.prompt('[[say once]]', { promptId: 'same' })).toMatchObject({ duplicate: true });
    await one.turn('[[say after]]');
    expect(one.all('message_completed').filter((event) => event.text === 'once')).toHaveLength(1);
  });

  it('streams its text in deltas that add up to it, without a gap in the offsets [D-01] [D-09]', async () => {
    const { turnId } = await one.turn('[[text count=300]]');
    const streamed = one.all('message_delta').filter((event) => event.turnId === turnId);
    expect(streamed.length).toBeGreaterThan(1);
    expect(streamed.map((event) => event.text).join('')).toBe(one.textOf(turnId));
    expect(one.events.map((event) => event.offset)).toEqual(one.events.map((_, index) => index + 1));
  });

  it('is changed by nothing when it is aborted while idle [C-06]', async () => {
    const before = one.events.length;
    expect(await one.session.abort()).toEqual({ turnId: null });
    await one.turn('[[say still here]]');
    expect(one.events.slice(before).map((event) => event.type)).not.toContain('abort_requested');
    expect(one.all('child_started')).toHaveLength(1);
  });

  it('keeps its id and is created once, also when the CLI changes its own by /clear [A-19]', async () => {
    await one.turn('/clear');
    await one.turn('[[say after the clear]]');
    expect(one.all('notice').map((event) => event.text)).toContain('Claude Code began a new conversation.');
    expect(one.all('session_created')).toMatchObject([{ offset: 1, sessionId: one.session.sessionId }]);
  });

  it('goes on after its idle CLI died: the worker lives, the next prompt resumes the conversation [A-02] [A-08] [A-09]', async () => {
    const { pid } = one;
    process.kill(pid, 'SIGKILL');
    await one.turn('[[say resumed]]');
    expect(one.pid).not.toBe(pid);
    expect(one.all('child_exited')).toMatchObject([{ expected: false, cause: 'crashed' }]);
    expect(one.all('child_started').at(-1)).toMatchObject({ resumed: true });
    expect(one.all('session_created')).toHaveLength(1);
    expect(worker.isRunning()).toBe(true);
    expect((await client.http.inspect(one.session.sessionId)).session.status).toBe('idle');
  });

  it('tells what was delivered when its CLI dies in a turn, and is not running any more [A-08] [B-08]', async () => {
    const { promptId } = await one.session.prompt('[[text count=1000 rate=50]]');
    const { turnId } = await one.one('turn_started', { promptId });
    const start = await one.one('message_delta', { turnId });
    process.kill(one.pid, 'SIGKILL');
    expect(await one.one('turn_interrupted', { turnId })).toMatchObject({ delivered: true });
    expect(one.all('message_discarded')).toMatchObject([{ messageId: start.messageId, block: start.block }]);
    const { session, view } = await client.http.inspect(one.session.sessionId);
    expect([session.status, view.turn, view.openBlocks]).toEqual(['idle', null, []]);
    expect(one.all('turn_ended').filter((event) => event.turnId === turnId)).toEqual([]);
  });

  it('opened by several at once starts one child, before any prompt [A-04] [A-18]', async () => {
    const fresh = await newSession(client);
    await Promise.all(Array.from({ length: 5 }, async () => fresh.session.open()));
    await fresh.one('child_started');
    await fresh.turn('[[say hello]]');
    expect(fresh.all('child_started')).toHaveLength(1);
    const marked = await findMarked(fresh.session.sessionId);
    const clis = (await livingProcesses()).filter((info) => marked.includes(info.pid) && isCli(info.command));
    expect(clis.map((info) => info.pid)).toEqual([fresh.pid]);
  });
});

describe('permissions', () => {
  it('that a rule of the session gives are not asked for [F-09]', async () => {
    const one = await newSession(client, { settings: { allowedTools: ['Bash(touch allowed*)'] } });
    await one.turn('[[tool Bash {"command":"touch allowed.txt"}]]');
    expect(one.all('tool_call_completed')).toMatchObject([{ isError: false }]);
    expect(one.all('approval_requested')).toEqual([]);
  });
});

describe('the working directory [B-10]', () => {
  it("is the session's own, made under a workspace root when none is named", async () => {
    const one = await newSession(client, { settings: { allowedTools: ['Bash'] } });
    await one.turn('[[tool Bash {"command":"pwd"}]]');
    const [created] = one.all('session_created');
    expect(created?.cwd.startsWith(system.gateway.workspaces)).toBe(true);
    expect(one.all('tool_call_completed')).toMatchObject([{ output: created?.cwd }]);
  });

  it('outside the roots is refused, also through a symbolic link, and nothing is written', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'hf-outside-'));
    try {
      await mkdir(system.gateway.workspaces, { recursive: true });
      const link = join(system.gateway.workspaces, 'link');
      await symlink(outside, link);
      const before = await client.http.list();
      for (const cwd of [outside, link, join(system.gateway.workspaces, '..'), '/']) {
        await expect(client.create({ cwd })).rejects.toMatchObject({
          code: 'cwd_not_allowed',
          details: { variable: 'HOLDFAST_WORKSPACE_ROOTS' },
        });
      }
      expect(await client.http.list()).toEqual(before);
    } finally {
      await rm(outside, { recursive: true });
    }
  });
});

describe('an unknown session [C-06]', () => {
  it('is answered the same whatever is asked of it, and nothing is written', async () => {
    const unknown = client.session(mintSessionId());
    await expect(unknown.abort()).rejects.toMatchObject({ code: 'session_not_found' });
    await expect(unknown.prompt('x')).rejects.toMatchObject({ code: 'session_not_found' });
    await expect(unknown.open()).rejects.toMatchObject({ code: 'session_not_found' });
    expect(await system.redis.connect().keys(`*${unknown.sessionId}*`)).toEqual([]);
  });
});

function isCli(command: string): boolean {
  return /\/claude --print/.test(command) && !command.startsWith('unshare');
}
