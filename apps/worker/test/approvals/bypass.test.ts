// Bypassed permissions: only as far as the policy goes, and over by themselves.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UserId, type CommandOf, type EventBody } from '@holdfast/shared/protocol';
import type { Ask } from '../../src/approvals/ask.ts';
import { Bypass } from '../../src/approvals/bypass.ts';
import { PermissionGate } from '../../src/approvals/permission-gate.ts';

const by = UserId.parse('ann');
const wish = (minutes: number): CommandOf<'bypass'> => ({ type: 'bypass', minutes, by });
const ask = (tool: string): Ask => ({
  ...{ askId: 'a', tool, input: {}, proposed: [], toolCallId: null, agentId: undefined, reason: undefined },
});

let pushed: EventBody[];
beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  pushed = [];
});
afterEach(() => vi.useRealTimers());
const start = (maxMinutes: number): Bypass =>
  new Bypass({ maxMinutes, now: Date.now, push: (events) => void pushed.push(...events) });

describe('the bypass [F-08]', () => {
  it('is refused without a policy for it, for longer than that allows, and in an explicit mode', () => {
    for (const [bypass, minutes, mode] of [
      [start(0), 1, 'default'],
      [start(5), 6, 'default'],
      [start(5), 5, 'plan'],
      [start(5), 5, 'acceptEdits'],
    ] as const) {
      expect(bypass.request(wish(minutes), mode)).toMatchObject([{ type: 'notice', kind: 'permission' }]);
      expect(bypass.isOn).toBe(false);
    }
  });

  it('is over by itself when its time is, and tells so once', () => {
    const bypass = start(5);
    expect(bypass.request(wish(5), 'default')).toEqual([
      { type: 'bypass_changed', until: 300_000, by, reason: null },
    ]);
    vi.advanceTimersByTime(299_999);
    expect([bypass.isOn, pushed]).toEqual([true, []]);
    vi.advanceTimersByTime(1);
    expect(bypass.isOn).toBe(false);
    bypass.end('again');
    expect(pushed).toEqual([{ type: 'bypass_changed', until: null, by: null, reason: 'Its time is over.' }]);
  });

  it('lets nothing through in plan mode or acceptEdits, and never answers a question or a plan', () => {
    const gate = new PermissionGate();
    expect(gate.judge(ask('Bash'), true).kind).toBe('allow');
    expect(gate.judge(ask('AskUserQuestion'), true).kind).toBe('ask');
    expect(gate.judge(ask('ExitPlanMode'), true).kind).toBe('ask');
    gate.setMode('acceptEdits');
    expect(gate.judge(ask('Bash'), true).kind).toBe('ask');
    gate.setMode('plan');
    expect(gate.judge(ask('Bash'), true).kind).toBe('deny');
  });
});
