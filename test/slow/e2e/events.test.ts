// What the real CLI says, as the typed events that a client gets.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@holdfast/client';
import { applyEvent, EMPTY_VIEW, type SessionEvent, type Waiting } from '@holdfast/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../support/processes.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from '../../e2e/support/system.ts';

let system: System;
let worker: Service;
let client: Client;
let seedDir: string;

const HOOKS = {
  PreToolUse: [{ matcher: 'Bash', hooks: [{ type: 'command', command: 'echo careful' }] }],
  Stop: [{ hooks: [{ type: 'command', command: 'echo oops >&2; exit 1' }] }],
};

beforeAll(async () => {
  seedDir = await mkdtemp(join(tmpdir(), 'holdfast-seed-'));
  await writeFile(join(seedDir, 'settings.json'), JSON.stringify({ hooks: HOOKS }));
  system = await startSystem();
  worker = await system.startWorker({
    HOLDFAST_CLAUDE_CONFIG_DIR: seedDir,
    HOLDFAST_STALL_SECONDS: '0.4',
  });
  client = clientOf(system.gateway);
});
afterAll(async () => {
  client.close();
  await worker[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
  await rm(seedDir, { recursive: true });
});

const bash = (command: string): string => `[[tool Bash ${JSON.stringify({ command })}]]`;

/** The named states that a client's view went through, without repetitions. */
function statesOf(events: readonly SessionEvent[]): Waiting[] {
  const states: Waiting[] = [];
  let view = EMPTY_VIEW;
  for (const event of events) {
    view = applyEvent(view, event);
    const { waiting } = view;
    if (waiting !== null && waiting.kind !== states.at(-1)?.kind) states.push(waiting);
  }
  return states;
}

/** The terminal events of one turn. */
const endsOf = (one: Follower, turnId: string): SessionEvent[] =>
  [...one.all('turn_ended'), ...one.all('turn_interrupted')].filter((event) => event.turnId === turnId);

describe('what the CLI says', () => {
  it('text, thinking, tools and a subagent with the call it belongs to are typed events [H-01]', async () => {
    const one = await newSession(client);
    const agent = { subagent_type: 'general-purpose', description: 'd', prompt: bash('echo deep') };
    const { turnId } = await one.turn(`[[think hm]] [[tool Task ${JSON.stringify(agent)}]] [[say done]]`);
    const calls = one.all('tool_call_started');
    const outer = calls.find((call) => call.parentToolCallId === undefined)?.toolCallId;
    expect(calls.map(({ name, parentToolCallId }) => [name, parentToolCallId])).toEqual([
      [expect.stringMatching(/Task|Agent/), undefined],
      ['Bash', outer],
    ]);
    expect(
      one
        .all('tool_call_completed')
        .map((result) => [result.output.includes('deep'), result.parentToolCallId]),
    ).toEqual([
      [true, outer],
      [false, undefined],
    ]);
    expect(one.all('message_completed').filter(({ kind }) => kind === 'thinking')).toMatchObject([
      { text: 'hm', turnId },
    ]);
    expect(one.textOf(turnId)).toContain('done');
    expect(one.all('task_started')).toMatchObject([{ kind: 'agent', toolCallId: outer }]);
    expect(one.all('unknown')).toEqual([]);
  });

  it("hooks of the user's settings are told with their lifecycle and their words [H-02] [A-03]", async () => {
    const one = await newSession(client);
    const { turnId } = await one.turn(`${bash('echo hi')} [[say done]]`);
    const before = { name: 'PreToolUse:Bash', event: 'PreToolUse', turnId };
    expect(one.all('hook_started')).toMatchObject([before, { name: 'Stop', turnId }]);
    expect(one.all('hook_ended')).toMatchObject([
      { ...before, outcome: 'success', exitCode: 0 },
      { name: 'Stop', outcome: 'failed', exitCode: 1 },
    ]);
    const said = one.all('notice').filter(({ kind }) => kind === 'hook');
    expect(said.map(({ text }) => text)).toEqual(['PreToolUse:Bash: careful', 'Stop: oops']);
  });

  it('a compaction is told with its boundary, and the context is what it left [H-02] [H-04]', async () => {
    const one = await newSession(client);
    await one.turn(`${bash('echo something to compact')} [[say done]]`);
    await one.turn('/compact');
    const told = one.all('notice').filter(({ kind }) => kind === 'compaction');
    expect(told.map(({ data }) => data?.['phase'])).toEqual(['started', 'done']);
    const boundary = told[1]?.data;
    expect(boundary).toMatchObject({ trigger: 'manual', durationMs: expect.any(Number) });
    expect(one.all('usage_updated').map(({ context }) => context.tokens)).toEqual([
      expect.any(Number),
      boundary?.['postTokens'],
    ]);
    expect(Number(boundary?.['preTokens'])).toBeGreaterThan(Number(boundary?.['postTokens']));
  });

  it('a rule that denies is told with the tool [H-02]', async () => {
    const one = await newSession(client, { settings: { disallowedTools: ['Bash(touch *)'] } });
    await one.turn(`${bash('touch no.txt')} [[say done]]`);
    expect(one.all('notice').filter(({ kind }) => kind === 'permission')).toMatchObject([
      { text: 'A rule denied Bash.', data: { tool_name: 'Bash' } },
    ]);
  });
});

describe('the end of a turn [H-03]', () => {
  it('is one event with numbers, behind the usage, however the turn ends', async () => {
    const one = await newSession(client);
    const cases: [prompt: string, end: object][] = [
      ['[[error status=400]]', { stopReason: 'failed', error: { code: 'api_error_400' } }],
      ['[[error status=404]]', { stopReason: 'failed', error: { code: 'api_error_404' } }],
      ['[[say half]] [[error stream times=1]]', { stopReason: 'end_turn', error: null }],
      ['[[say no]] [[stop refusal]]', { stopReason: 'refusal', error: null }],
      ['[[say fine]]', { stopReason: 'end_turn', error: null }],
    ];
    for (const [prompt, end] of cases) {
      const ended = await one.turn(prompt);
      expect(ended).toMatchObject({ ...end, durationMs: expect.any(Number), usage: expect.any(Object) });
      expect(ended.durationMs).toBeGreaterThan(0);
      expect(ended.apiDurationMs).toBeGreaterThanOrEqual(0);
      const usage = one.all('usage_updated').findLast(({ offset }) => offset < ended.offset);
      const began = one.all('turn_started').find(({ turnId }) => turnId === ended.turnId);
      expect(usage?.offset).toBeGreaterThan(began?.offset ?? Number.POSITIVE_INFINITY);
    }
    const started = one.all('turn_started').map(({ turnId }) => turnId);
    expect(started.map((turnId) => endsOf(one, turnId).length)).toEqual(cases.map(() => 1));
  });
});

describe('what a session used [H-04]', () => {
  it('goes on over respawns; the cost of a turn is a difference', async () => {
    const one = await newSession(client);
    const first = await one.turn('[[say a]] [[usage input=1000 output=50]]');
    const { pid } = one;
    process.kill(pid, 'SIGKILL');
    await one.one('child_exited');
    const second = await one.turn('[[say b]] [[usage input=3000 output=70]]');
    expect(one.pid).not.toBe(pid);
    const [before, after] = one.all('usage_updated');
    expect(before?.costUsd).toBeCloseTo(first.costUsd);
    expect(after?.costUsd).toBeCloseTo(first.costUsd + second.costUsd);
    expect(after?.totals.inputTokens).toBe(first.usage.inputTokens + second.usage.inputTokens);
    expect(after?.totals.outputTokens).toBe(first.usage.outputTokens + second.usage.outputTokens);
    const last = second.usage;
    const all = last.inputTokens + last.outputTokens + last.cacheReadTokens + last.cacheCreationTokens;
    expect(after?.context).toEqual({ tokens: all, windowTokens: expect.any(Number) });
  });
});

describe('what a session waits for [H-06]', () => {
  it('is named: queue, model, retry n, tool [H-02]', async () => {
    const one = await newSession(client);
    const failing = '[[error status=529 times=1]]';
    await one.turn(`${failing} [[tool Bash {"command":"sleep 0.1"}]] [[say done]]`);
    expect(statesOf(one.events)).toMatchObject([
      { kind: 'queue' },
      { kind: 'model' },
      { kind: 'retry', attempt: 1, maxRetries: 10, status: 529 },
      { kind: 'model' },
      { kind: 'tool', name: 'Bash' },
      { kind: 'model' },
    ]);
    const retries = one.all('notice').filter(({ kind }) => kind === 'retry');
    expect(retries).toMatchObject([{ data: { attempt: 1, status: 529, error: 'overloaded' } }]);
    expect((await client.http.inspect(one.session.sessionId)).view.waiting).toBeNull();
  });

  it('too long is told as a stall, which the next word ends', async () => {
    const one = await newSession(client);
    const { turnId } = await one.turn('[[slow ms=1500]] [[say at last]]');
    const [stalled, ...more] = one.all('turn_stalled');
    expect([stalled, more]).toMatchObject([{ turnId }, []]);
    expect(stalled?.silentMs).toBeGreaterThanOrEqual(400);
    const [resumed] = one.all('turn_resumed');
    const [word] = one.all('message_completed');
    expect(resumed?.offset).toBeGreaterThan(stalled?.offset ?? Number.POSITIVE_INFINITY);
    expect(resumed?.offset).toBeLessThan(word?.offset ?? 0);
  });

  it('an approval is named, and never told as a stall', async () => {
    const [asking, clock] = [await newSession(client), await newSession(client)];
    await asking.session.prompt(`${bash('touch asked.txt')} [[say done]]`);
    const { approvalId, turnId } = await asking.one('approval_requested');
    // By the time that the other one counts as stalled this one has been silent for longer.
    await clock.turn('[[slow ms=1500]] [[say at last]]');
    expect(clock.all('turn_stalled')).toHaveLength(1);
    const { view } = await client.http.inspect(asking.session.sessionId);
    expect(view.waiting).toEqual({ kind: 'approval', approvalId, tool: 'Bash' });
    await asking.session.decide(approvalId, { kind: 'allow' });
    await asking.one('turn_ended', turnId === null ? {} : { turnId });
    expect(asking.all('turn_stalled')).toEqual([]);
    expect(statesOf(asking.events).map(({ kind }) => kind)).toContain('approval');
  });
});
