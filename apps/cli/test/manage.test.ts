// ls, inspect, open, abort, rm, login-link, help; and what is said when a command can not do its work.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserId } from '@holdfast/shared/protocol';
import { LogWriter } from '../../../packages/client/test/support/events.ts';
import { FakeGateway } from '../../../packages/client/test/support/fake-gateway.ts';
import { sessionIdOf } from '../../../packages/client/test/support/fake-log.ts';
import { environmentOf, run, RunningCli } from './support.ts';

let gateway: FakeGateway;
beforeEach(async () => {
  gateway = await new FakeGateway().start();
});
afterEach(async () => gateway.stop());

const sid = sessionIdOf(0);

describe('the other commands', () => {
  beforeEach(() => {
    const log = new LogWriter();
    log.created(sid);
    log.turn({ promptId: 'p1', text: 'what is this', answer: 'a test' });
    gateway.addLog(sid, log.events);
  });

  it('list the sessions, for people and as JSON', async () => {
    const { out } = await run(gateway, 'ls');
    expect(out).toMatch(new RegExp(`^SESSION .*\n${sid}  idle .* what is this  /w\n$`));
    expect(JSON.parse((await run(gateway, 'ls', '--json')).out)).toMatchObject([
      { sessionId: sid, status: 'idle' },
    ]);
  });

  it('inspect a session by an end of its id only it has', async () => {
    const { out } = await run(gateway, 'inspect', sid.slice(-5).toLowerCase(), '--json');
    expect(JSON.parse(out)).toMatchObject({
      sessionId: sid,
      status: 'idle',
      position: 'e1:7',
      worker: { id: 'w1', alive: true },
      turns: 1,
      queue: [],
    });
    expect((await run(gateway, 'inspect', sid)).out).toContain('worker    w1\n');
  });

  it('open, abort and delete a session', async () => {
    expect((await run(gateway, 'open', sid)).exitCode).toBe(0);
    expect(gateway.framesOf('open')).toHaveLength(1);
    const aborted = await run(gateway, 'abort', sid, '--clear-queue');
    expect(aborted).toMatchObject({ exitCode: 0, err: 'No turn is running\n' });
    expect(gateway.framesOf('abort')).toMatchObject([{ queue: 'clear' }]);
    expect((await run(gateway, 'rm', sid)).err).toBe(`deleted ${sid}\n`);
    expect(gateway.logs.size).toBe(0);
  });

  it('change prompts that wait, and let a paused queue go on [B-05]', async () => {
    expect((await run(gateway, 'edit', sid, 'p2', 'other', 'words')).err).toBe('edited p2\n');
    expect((await run(gateway, 'move', sid, 'p2', '--before', 'p3', '--json')).out).toBe(
      `${JSON.stringify({ sessionId: sid, promptId: 'p2' })}\n`,
    );
    expect((await run(gateway, 'move', sid, 'p3')).exitCode).toBe(0);
    expect((await run(gateway, 'cancel', sid, 'p2')).err).toBe('cancelled p2\n');
    expect((await run(gateway, 'resume', sid)).exitCode).toBe(0);
    const sent = gateway.received.filter((frame) => /^prompt|^resume/.test(frame.type));
    expect(sent).toMatchObject([
      { type: 'promptEdit', promptId: 'p2', content: [{ text: 'other words' }] },
      { type: 'promptMove', promptId: 'p2', before: 'p3' },
      { type: 'promptMove', promptId: 'p3', before: null },
      { type: 'promptCancel', promptId: 'p2' },
      { type: 'resumeQueue' },
    ]);
    expect((await run(gateway, 'cancel', sid, 'no id')).err).toContain('"holdfast inspect" shows');
  });

  it('rename, archive and restore a session, found in both lists [B-11]', async () => {
    const put = new LogWriter();
    put.created(sessionIdOf(5));
    put.add({
      type: 'settings_changed',
      settings: { permissionMode: 'default', allowedTools: [], disallowedTools: [] },
      title: 'Away',
      archived: true,
      by: UserId.parse('local'),
    });
    gateway.addLog(sessionIdOf(5), put.events);
    expect((await run(gateway, 'ls')).out).not.toContain('Away');
    expect((await run(gateway, 'ls', '--archived')).out).toContain('Away');
    expect((await run(gateway, 'restore', sessionIdOf(5).slice(-3))).err).toBe(
      `restored ${sessionIdOf(5)}\n`,
    );
    expect((await run(gateway, 'archive', sid, '--json')).out).toContain('"archived":true');
    expect((await run(gateway, 'rename', sid, 'A', 'title')).exitCode).toBe(0);
    expect(gateway.changes).toEqual([{ archived: false }, { archived: true }, { title: 'A title' }]);
  });

  it('print a login link with the token', async () => {
    expect((await run(gateway, 'login-link')).out).toBe(`${gateway.url}/login?token=${gateway.token}\n`);
  });

  it('explain themselves, each with its own help', async () => {
    const queue = ['edit', 'cancel', 'move', 'resume', 'rename', 'archive', 'restore'];
    const others = ['new', 'ls', 'open', 'send', 'attach', 'abort', 'inspect', 'login-link', 'rm'];
    for (const name of [...others, ...queue]) {
      const { exitCode, out } = await run(gateway, name, '--help');
      expect({ name, exitCode, usage: out.startsWith(`Usage: holdfast ${name}`) }).toEqual({
        name,
        exitCode: 0,
        usage: true,
      });
    }
  });
});

describe('a command that can not do its work says what to do, in one line', () => {
  const env = (): Record<string, string> => environmentOf(gateway);
  const nowhere = 'http://127.0.0.1:1';
  it.each([
    {
      what: 'an id that no session has',
      args: ['inspect', sessionIdOf(7)],
      env,
      says: '"holdfast ls" lists yours',
    },
    { what: 'a part that fits none', args: ['inspect', 'zzz'], env, says: 'No session fits "zzz"' },
    {
      what: 'a refused token',
      args: ['ls'],
      env: () => ({ ...env(), HOLDFAST_TOKEN: 'x'.repeat(20) }),
      says: 'check HOLDFAST_TOKEN',
    },
    {
      what: 'an address where nothing listens',
      args: ['ls'],
      env: () => ({ ...env(), HOLDFAST_URL: nowhere }),
      says: `Nothing answers at ${nowhere}`,
    },
    { what: 'no address at all', args: ['ls'], env: () => ({}), says: 'start it with "npm run up"' },
    {
      what: 'an address without a token',
      args: ['ls'],
      env: () => ({ HOLDFAST_URL: nowhere }),
      says: 'HOLDFAST_TOKEN is not set',
    },
    {
      what: 'a misspelt variable',
      args: ['ls'],
      env: () => ({ HOLDFAST_ULR: 'x' }),
      says: 'Did you mean HOLDFAST_URL?',
    },
  ])('for $what', async (given) => {
    const { exitCode, out, err } = await new RunningCli(given.args, { env: given.env() }).done;
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
    expect(err).toContain(given.says);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  it('and takes a wrong command line for what it is', async () => {
    expect((await run(gateway, 'snd')).exitCode).toBe(2);
    expect((await run(gateway, 'send', sid)).exitCode).toBe(2);
    expect((await run(gateway, 'ls', '--jsn')).exitCode).toBe(2);
  });
});
