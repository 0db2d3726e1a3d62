import { describe, expect, it } from 'vitest';
import { textContent } from '@holdfast/shared/protocol';
import { ClaudeChild, type ChildEvent } from '../../src/agent/claude-child.ts';
import { until } from '../../../../test/support/until.ts';
import { makeAgentPlace } from '../support/agent.ts';

const LONG_MS = 10_000;
const uuid = '11111111-1111-4111-8111-111111111111';

interface Running extends AsyncDisposable {
  readonly child: ClaudeChild;
  readonly events: ChildEvent[];
  prompt(text: string): boolean;
  /** Waits for an event that contains this text. */
  seen(text: string): Promise<ChildEvent>;
}

async function start(manner?: string): Promise<Running> {
  const place = await makeAgentPlace();
  const events: ChildEvent[] = [];
  const child = new ClaudeChild(place.command(manner), (event) => events.push(event));
  return {
    child,
    events,
    prompt: (text) => child.prompt(uuid, textContent(text), 'later'),
    seen: async (text) =>
      until(() => events.find((event) => JSON.stringify(event).includes(text)), { what: text }),
    [Symbol.asyncDispose]: async () => {
      child.process.signal('SIGKILL');
      await child.process.ended;
      await place[Symbol.asyncDispose]();
    },
  };
}

describe('a running CLI', () => {
  it('answers control requests, each its own, also when several wait', async () => {
    await using running = await start();
    const [ready, version] = await Promise.all([
      running.child.control({ subtype: 'initialize' }, LONG_MS),
      running.child.control({ subtype: 'get_binary_version' }, LONG_MS),
    ]);
    expect(ready).toEqual({ status: 'ok', response: {} });
    expect(version).toEqual({ status: 'ok', response: { version: '2.1.197' } });
    expect(running.events).toEqual([]);
  });

  it('that refuses a request says why; one that does not answer is late', async () => {
    await using refusing = await start('refuses');
    expect(await refusing.child.control({ subtype: 'initialize' }, LONG_MS)).toEqual({
      status: 'refused',
      error: 'no',
    });
    await using silent = await start('silent');
    expect(await silent.child.control({ subtype: 'initialize' }, 50)).toEqual({ status: 'late' });
  });

  it('gives out its messages in order, then its end, last', async () => {
    await using running = await start();
    expect(running.prompt('say hello')).toBe(true);
    await running.seen('"result"');
    running.child.process.endInput();
    await running.child.process.ended;
    const kinds = running.events.map((event) =>
      event.kind === 'message' ? Reflect.get(Object(event.value), 'type') : event.kind,
    );
    expect(kinds).toEqual(['system', 'system', 'user', 'assistant', 'result', 'system', 'ended']);
    expect(running.events[2]).toMatchObject({ value: { uuid, isReplay: true } });
  });

  it('that asks for a permission gets its answer; the echo of it is not given out', async () => {
    await using running = await start();
    running.prompt('ask Write');
    expect(await running.seen('can_use_tool')).toMatchObject({ value: { request_id: 'q1' } });
    running.child.answer('q1', { behavior: 'deny', message: 'no' });
    expect(await running.seen('told:')).toMatchObject({
      value: { message: { content: [{ text: 'told: {"behavior":"deny","message":"no"}' }] } },
    });
  });

  it('a line that is not JSON is told and passed over [A-12]', async () => {
    await using running = await start();
    running.prompt('bad-line');
    await running.seen('after the bad line');
    expect(running.events.filter((event) => event.kind === 'bad_line')).toEqual([
      { kind: 'bad_line', text: 'this is not JSON' },
    ]);
  });

  it('a line over the cap is told once [A-12]', async () => {
    await using running = await start();
    running.prompt('long-line');
    const told = await until(() => running.events.find((event) => event.kind === 'line_too_long'), {
      what: 'the line',
    });
    expect(told).toMatchObject({ kind: 'line_too_long' });
    expect(running.events.filter((event) => event.kind === 'line_too_long')).toHaveLength(1);
  });

  it('that dies settles what still waits, and takes nothing more [A-08]', async () => {
    await using running = await start('silent');
    const waiting = running.child.control({ subtype: 'initialize' }, LONG_MS);
    running.child.process.signal('SIGKILL');
    expect(await waiting).toEqual({ status: 'ended' });
    expect(await running.child.control({ subtype: 'initialize' }, LONG_MS)).toEqual({ status: 'ended' });
    expect(running.prompt('say hello')).toBe(false);
    expect(running.events.at(-1)).toMatchObject({ kind: 'ended', end: { signal: 'SIGKILL' } });
  });
});
