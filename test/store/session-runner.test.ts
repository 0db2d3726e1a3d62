// The owner's side of one session, in this process: its commands, its turns, its child.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintTurnId } from '@holdfast/shared/protocol';
import { createCommandInbox, createSessionStore, type Redis } from '@holdfast/shared/store';
import { createDeferred } from '@holdfast/shared/util';
import { processesMentioning, stateOf } from '../support/proc.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { runSession } from './running-session.ts';

let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());

describe('turns', () => {
  it('run one at a time on one child, in order, and what they leave is acknowledged [A-01] [B-01]', async () => {
    await using one = await runSession(redis);
    const ids = [await one.prompt('say a'), await one.prompt('say b'), await one.prompt('say c')];
    const ends = [];
    for (const id of ids) ends.push(await one.endOf(id));
    expect(ends.map((end) => end.texts)).toEqual([['a'], ['b'], ['c']]);
    expect(await one.all('child_started')).toHaveLength(1);
    const order = (await one.events()).flatMap((event) =>
      event.type === 'turn_started' || event.type === 'turn_ended' ? [event.type] : [],
    );
    expect(order).toEqual([
      'turn_started',
      'turn_ended',
      'turn_started',
      'turn_ended',
      'turn_started',
      'turn_ended',
    ]);
    const inbox = createCommandInbox(redis);
    await until(async () => (await inbox.readAfter(one.sessionId, 0)).length === 0, {
      what: 'an empty inbox',
    });
    expect(await inbox.readQueue(one.sessionId)).toEqual({ waiting: [], taken: [] });
    expect(one.active.at(-1)).toBe(false);
  });

  it('begin in the log before the prompt is on the pipe [B-02]', async () => {
    const gate = createDeferred<void>();
    const isHeld = createDeferred<void>();
    await using one = await runSession(redis, {
      log: (log) => ({
        ...log,
        append: async (input) => {
          if (input.frames.some((frame) => frame.includes('"turn_started"'))) {
            isHeld.resolve();
            await gate.promise;
          }
          return log.append(input);
        },
      }),
    });
    await one.order({ type: 'open' });
    await one.one('child_started');
    const promptId = await one.prompt('say hello');
    await isHeld.promise;
    // What the CLI was given is in its transcript at once: nothing there, nothing given.
    const transcripts = join(one.dir, 'users', 'local', 'sessions', one.sessionId, 'config', 'projects');
    expect(existsSync(transcripts)).toBe(false);
    gate.resolve();
    await one.endOf(promptId);
    expect(await readdir(transcripts)).toEqual(['cwd']);
  });

  it('that the CLI begins by itself are shown as such, and end no prompt [A-15]', async () => {
    await using one = await runSession(redis);
    const first = await one.prompt('go-on');
    const { turnId } = await one.endOf(first);
    const own = await one.one('turn_started', { promptId: null });
    await one.one('turn_ended', { turnId: own.turnId });
    expect(own).toMatchObject({ content: null, attempt: 1 });
    expect((await one.all('message_completed')).map((event) => [event.turnId, event.text])).toEqual([
      [turnId, 'ours'],
      [own.turnId, 'its own'],
    ]);
  });

  it('are not ended by the end of background work that crossed them [A-15]', async () => {
    await using one = await runSession(redis);
    const { texts, turnId } = await one.endOf(await one.prompt('crossed'));
    expect(texts).toContain('ours');
    expect((await one.all('turn_ended')).map((event) => event.turnId)).toEqual([turnId]);
  });

  it('go on a moment after a result, also when the CLI never says that it is idle', async () => {
    await using one = await runSession(redis);
    await one.prompt('unsettled');
    expect((await one.endOf(await one.prompt('say next'))).texts).toEqual(['next']);
  });

  it('of a CLI that changes its id are the same session; the next child resumes the new one [A-19]', async () => {
    await using one = await runSession(redis);
    await one.endOf(await one.prompt('say before'));
    await one.endOf(await one.prompt('clear'));
    const meta = await createSessionStore(redis).read(one.sessionId);
    expect(meta?.cliSessionId).toBe('99999999-9999-4999-8999-999999999999');
    expect((await one.all('notice')).map((event) => event.text)).toContain(
      'Claude Code began a new conversation.',
    );
  });

  it('given twice run once [B-03]', async () => {
    await using one = await runSession(redis);
    await one.prompt('hang', 'same');
    await one.one('turn_started');
    const inbox = createCommandInbox(redis);
    // A gateway that stored it a second time, as if the first key had run out.
    await redis.del(`hf:{${one.sessionId.slice(1, 3)}}:${one.sessionId}:idem`);
    await one.prompt('hang', 'same');
    await until(async () => (await inbox.readAfter(one.sessionId, 0)).length === 0, {
      what: 'an empty inbox',
    });
    expect(await one.all('prompt_queued')).toHaveLength(1);
  });
});

describe('requests of the CLI', () => {
  it('for a permission become approvals: the answer is on the pipe once it is in the log', async () => {
    await using one = await runSession(redis);
    const promptId = await one.prompt('ask Write');
    const { approvalId } = await one.one('approval_requested', { tool: 'Write' });
    await one.decide(approvalId, { kind: 'deny', message: 'not today', stop: false });
    const { texts } = await one.endOf(promptId);
    expect(texts).toEqual(['told: {"behavior":"deny","message":"not today"}']);
    const types = (await one.events()).map((event) => event.type);
    expect(types.indexOf('approval_resolved')).toBeLessThan(types.indexOf('message_completed'));
  });

  it('of another kind are denied and not shown', async () => {
    await using one = await runSession(redis);
    const { texts } = await one.endOf(await one.prompt('elicit'));
    expect(texts[0]).toMatch(/"deny","message":"Holdfast does not answer/);
    expect((await one.all('notice')).filter((event) => event.kind === 'permission')).toEqual([]);
  });
});

describe('aborts', () => {
  it('end the turn they name, once; the child stays [C-01] [C-03]', async () => {
    await using one = await runSession(redis);
    const promptId = await one.prompt('hang');
    const { turnId } = await one.one('turn_started', { promptId });
    const abort = { type: 'abort', turnId, queue: 'keep', background: 'keep' } as const;
    await one.order(abort);
    await one.order(abort);
    expect(await one.endOf(promptId)).toMatchObject({ stopReason: 'aborted' });
    expect((await one.endOf(await one.prompt('say next'))).texts).toEqual(['next']);
    expect(await one.all('child_started')).toHaveLength(1);
    expect(await one.all('turn_ended')).toHaveLength(2);
  });

  it('of a turn that is over, or of none, change nothing [C-06]', async () => {
    await using one = await runSession(redis);
    await one.endOf(await one.prompt('say hello'));
    await one.order({ type: 'abort', turnId: mintTurnId(), queue: 'keep', background: 'keep' });
    await one.order({ type: 'abort', turnId: null, queue: 'clear', background: 'keep' });
    await one.endOf(await one.prompt('say next'));
    expect(await one.all('abort_requested')).toEqual([]);
  });

  it('keep or clear what waits, as asked [C-05]', async () => {
    await using one = await runSession(redis);
    for (const queue of ['keep', 'clear'] as const) {
      const promptId = await one.prompt('hang', `${queue}-hangs`);
      const { turnId } = await one.one('turn_started', { promptId });
      const waiting = await one.prompt('say waited', `${queue}-waits`);
      await one.one('prompt_queued', { promptId: waiting });
      await one.order({ type: 'abort', turnId, queue, background: 'keep' });
      await one.endOf(promptId);
      await one.endOf(await one.prompt('say next', `${queue}-next`));
    }
    const begun = (await one.all('turn_started')).map((event) => String(event.promptId));
    expect(begun).toEqual(['keep-hangs', 'keep-waits', 'keep-next', 'clear-hangs', 'clear-next']);
  });

  it('that the CLI does not obey end it; the turn is aborted all the same [C-02]', async () => {
    await using one = await runSession(redis);
    const promptId = await one.prompt('deaf');
    const { turnId } = await one.one('turn_started', { promptId });
    await one.order({ type: 'abort', turnId, queue: 'keep', background: 'keep' });
    expect(await one.endOf(promptId)).toMatchObject({ stopReason: 'aborted', error: null });
    expect(await one.all('child_exited')).toMatchObject([{ cause: 'abort_ignored', expected: false }]);
    expect((await one.endOf(await one.prompt('say back'))).texts).toEqual(['back']);
  });
});

describe('refused credentials', () => {
  it.each(['refused', 'refused-dies'])(
    'end the turn at once, also when the CLI ends with it (%s)',
    async (how) => {
      await using one = await runSession(redis);
      const ended = await one.endOf(await one.prompt(how));
      expect(ended).toMatchObject({ stopReason: 'failed', error: { code: 'credentials_refused' } });
      expect(await one.all('turn_interrupted')).toEqual([]);
    },
  );
});

describe('a child', () => {
  it('that dies in a turn is told with all it said, and the turn with whether it was delivered [A-06] [B-08]', async () => {
    await using one = await runSession(redis);
    await one.prompt('die-mid-stream');
    await one.one('turn_interrupted', { delivered: true });
    const tail = (await one.events()).slice(-4);
    expect(tail).toMatchObject([
      { type: 'message_delta', text: 'half a' },
      { type: 'message_discarded', messageId: 'm1', block: 0 },
      { type: 'child_exited', exitCode: 9, expected: false, cause: 'crashed' },
      { type: 'turn_interrupted' },
    ]);
  });

  it('that never got its prompt gives it back, three times at most [B-02]', async () => {
    await using one = await runSession(redis);
    const promptId = await one.prompt('lose');
    await one.one('prompt_returned', { promptId, paused: true });
    expect((await one.all('turn_started')).map((event) => event.attempt)).toEqual([1, 2, 3]);
    expect(await createSessionStore(redis).read(one.sessionId)).toMatchObject({ status: 'paused' });
  });

  it('whose line is too long is ended, and a bad line is passed over [A-12]', async () => {
    await using one = await runSession(redis);
    expect((await one.endOf(await one.prompt('bad-line'))).texts).toEqual(['after the bad line']);
    await one.prompt('long-line');
    await one.one('turn_interrupted');
    expect(await one.all('child_exited')).toMatchObject([{ cause: 'stdout_line_too_long', expected: false }]);
  });

  it('that can not be started fails the prompts that wait, one by one, and an open is told [A-17]', async () => {
    await using one = await runSession(redis, {
      environment: { claudePath: null, findCliProblem: () => 'Install it.' },
    });
    await one.order({ type: 'open' });
    expect(await one.one('notice', { kind: 'warning' })).toMatchObject({
      text: 'Install it.',
      data: { code: 'cli_missing' },
    });
    const ended = await one.endOf(await one.prompt('say hello'));
    expect(ended).toMatchObject({
      stopReason: 'failed',
      error: { code: 'cli_missing', message: 'Install it.' },
    });
  });

  it('is not read while Redis lags, and nothing of its flood is lost', async () => {
    await using one = await runSession(redis);
    await one.endOf(await one.prompt('say ready'));
    const promptId = await one.prompt('flood 850');
    const { turnId } = await one.one('turn_started', { promptId });
    server.process().kill('SIGSTOP');
    const [marked] = await processesMentioning(one.sessionId);
    try {
      // It can not come to its end: nobody reads what it writes.
      await until(async () => (await stateOf(marked?.pid ?? 0)) === 'S', { what: 'the child to wait' });
    } finally {
      server.process().kill('SIGCONT');
    }
    await one.endOf(promptId);
    const streamed = (await one.all('message_delta')).filter((event) => event.turnId === turnId);
    expect(streamed.map((event) => event.text).join('')).toHaveLength(850_000);
  });
});

describe('a step that fails', () => {
  it('is repeated: a command is not lost because Redis was away for a moment', async () => {
    let failures = 2;
    await using one = await runSession(redis, {
      inbox: (inbox) => ({
        ...inbox,
        readAfter: async (...args) => {
          failures -= 1;
          if (failures >= 0) throw new Error('away');
          return inbox.readAfter(...args);
        },
      }),
    });
    expect((await one.endOf(await one.prompt('say hello'))).texts).toEqual(['hello']);
  });
});
