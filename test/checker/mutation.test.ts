// The checker must go red when any one guard is taken out of the product, and be green with all of them in place:
// the same steps each time, once with the guard and once without.
import { describe, expect, it } from 'vitest';
import type * as FollowerModule from '../../apps/gateway/src/feed/follower.ts';
import type * as HubsModule from '../../apps/gateway/src/feed/hubs.ts';
import {
  Command,
  mintTurnId,
  PromptId,
  textContent,
  UserId,
  type EventBody,
  type SessionId,
} from '@holdfast/shared/protocol';
import { createCommandInbox } from '@holdfast/shared/store';
import { notices } from '../support/fake-owner.ts';
import { until } from '../support/until.ts';
import { isClean } from './check-history.ts';
import type { Fault, Verdict } from './findings.ts';
import { MiniSystem, type MiniParts, type MiniWriter } from './mini-system.ts';
import { importWithoutGuard, withoutScriptGuard, type Cut } from './mutants.ts';

interface Guard {
  readonly name: string;
  /** The system without the guard. */
  readonly parts: () => Promise<MiniParts>;
  /** What the checker must find then. */
  readonly faults: readonly Fault[];
  readonly steps: (system: MiniSystem, isGuarded: boolean) => Promise<Verdict>;
}

const user = UserId.parse('local');
const inScript = async (script: string, cut: Cut): Promise<MiniParts> => ({
  mutateRedis: async (redis) => withoutScriptGuard(redis, script, cut),
});

async function write(writer: MiniWriter, count: number, text?: string): Promise<void> {
  for (const body of notices(count, text)) {
    writer.writer.push([body]);
    await writer.writer.flushed();
  }
}

/** A session with an owner and some events, and a client that follows it and has them. */
async function begin(system: MiniSystem): Promise<{ sessionId: SessionId; writer: MiniWriter }> {
  const sessionId = await system.createSession();
  const writer = await system.claim(sessionId);
  const client = system.client('early', sessionId);
  await client.attach();
  await write(writer, 3);
  await until(() => client.position?.offset === writer.writer.view.offset, {
    what: 'the client to have all',
  });
  return { sessionId, writer };
}

const fence: Guard = {
  name: 'the fence',
  parts: async () =>
    inScript('append_events', {
      find: "if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then return {'fenced', meta[1], meta[2]} end",
      replace: '',
    }),
  faults: ['lost'],
  steps: async (system) => {
    const { sessionId, writer: old } = await begin(system);
    const next = await system.claim(sessionId);
    await write(next, 2, 'next');
    await write(old, 4, 'old');
    await write(next, 2, 'next again');
    return system.verdict(sessionId);
  },
};

const head: Guard = {
  name: 'the head',
  parts: async () =>
    inScript('append_events', { find: "if first ~= head + 1 then return {'gap', head} end", replace: '' }),
  faults: ['lost'],
  steps: async (system) => {
    const { sessionId, writer } = await begin(system);
    await system.loseTail(sessionId, 3);
    await write(writer, 2);
    await system.client('late', sessionId).attach();
    return system.verdict(sessionId);
  },
};

const retryIdentity: Guard = {
  name: 'the identity of a retry',
  parts: async () =>
    inScript('append_events', {
      find: "if last <= head then return {'duplicate', head} end",
      replace:
        "if last <= head then first = head + 1; last = first + n - 1; ARGV[4] = string.format('%.0f', first) end",
    }),
  faults: ['duplicated'],
  steps: async (system) => {
    const { sessionId, writer } = await begin(system);
    system.appendPath.apply({ kind: 'lose_reply', to: sessionId });
    await write(writer, 2);
    await system.client('late', sessionId).attach();
    return system.verdict(sessionId);
  },
};

const subscribeAck: Guard = {
  name: 'the acknowledged subscription before the read',
  parts: async () => ({ isAckAwaited: false }),
  faults: ['lost'],
  steps: async (system, isGuarded) => {
    const sessionId = await system.createSession();
    const writer = await system.claim(sessionId);
    const client = system.client('c', sessionId);
    system.subscriber.holdSubscriptions();
    const attached = client.attach();
    // Without the guard the read is over before the subscription; with it, it can't begin.
    if (!isGuarded) await attached;
    await write(writer, 1);
    system.subscriber.releaseSubscriptions();
    await attached;
    return system.verdict(sessionId);
  },
};

const offsetFilter: Guard = {
  name: 'the offset filter',
  parts: async () => {
    const cut = {
      find: `    if (batch.last <= at.offset) return;
    if (batch.first !== at.offset + 1) return this.readAgain();
`,
      replace: '',
    };
    const mutant = await importWithoutGuard<typeof FollowerModule>('apps/gateway/src/feed/follower.ts', cut);
    return { follower: mutant.Follower };
  },
  faults: ['duplicated'],
  steps: async (system) => {
    const { sessionId, writer } = await begin(system);
    system.subscriber.holdMessages();
    await write(writer, 1);
    await until(() => system.subscriber.heldCount === 1, { what: 'the message to arrive' });
    await system.client('late', sessionId).attach();
    system.subscriber.releaseMessages();
    return system.verdict(sessionId);
  },
};

const audit: Guard = {
  name: 'the audit after a resubscription',
  parts: async () => {
    const cut = { find: 'deps.subscriber.onGap(() => this.audit(this.#hubs.values()));', replace: '' };
    const mutant = await importWithoutGuard<typeof HubsModule>('apps/gateway/src/feed/hubs.ts', cut);
    return { hubs: mutant.Hubs };
  },
  faults: ['lost'],
  steps: async (system) => {
    const { sessionId, writer } = await begin(system);
    const target = { path: system.socketPath };
    system.livePath.retarget(null);
    system.livePath.apply({ kind: 'cut' });
    await until(() => !system.subscriber.isHealthy(), { what: 'the loss to be noticed' });
    await write(writer, 1);
    system.livePath.retarget(target);
    await until(() => system.subscriber.isHealthy(), { what: 'the subscriber to be back' });
    return system.verdict(sessionId);
  },
};

const snapshotBeforeTrim: Guard = {
  name: 'the snapshot before the trim',
  parts: async () => inScript('append_events', { find: "redis.call('SET', KEYS[5], ARGV[6])", replace: '' }),
  faults: ['lost'],
  steps: async (system) => {
    const { sessionId, writer } = await begin(system);
    const away = system.client('away', sessionId);
    await away.attach();
    away.leave();
    for (let turn = 0; turn < 4; turn += 1) {
      writer.writer.push(notices(800, `turn ${turn}: `));
      await writer.writer.flushed();
    }
    await away.attach();
    return system.verdict(sessionId);
  },
};

const promptIdempotency: Guard = {
  name: 'the idempotency of prompts',
  parts: async () =>
    inScript('submit_command', {
      find: "if ARGV[3] ~= '' and redis.call('ZSCORE', KEYS[4], ARGV[3]) then",
      replace: 'if false then',
    }),
  faults: ['promptsRunTwice'],
  steps: async (system) => {
    const { sessionId, writer } = await begin(system);
    const promptId = PromptId.parse('p1');
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const content = textContent('hi');
      const command = Command.parse({ type: 'prompt', promptId, content, by: user });
      await createCommandInbox(system.writerRedis).submit({ sessionId, userId: user, command });
      await runPrompts(system, sessionId, writer);
    }
    return system.verdict(sessionId);
  },
};

const epochOfLostTail: Guard = {
  name: 'the new epoch after Redis lost a tail that nobody living has',
  parts: async () =>
    inScript('claim_session', {
      find: "if meta[7] ~= '' and meta[7] ~= server then",
      replace: 'if false then',
    }),
  faults: ['lost'],
  steps: async (system) => {
    const { sessionId } = await begin(system);
    await system.loseTail(sessionId, 3);
    const next = await system.claim(sessionId);
    await write(next, 4, 'next');
    return system.verdict(sessionId);
  },
};

/** What an owner does with its inbox, without a child: each prompt becomes a turn. */
async function runPrompts(system: MiniSystem, sessionId: SessionId, { writer }: MiniWriter): Promise<void> {
  const inbox = createCommandInbox(system.redis);
  for (const { seq, command } of await inbox.readAfter(sessionId, 0)) {
    if (command?.type !== 'prompt') continue;
    const turnId = mintTurnId();
    const { promptId, content, by } = command;
    const usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };
    const ended: EventBody = {
      ...{ type: 'turn_ended', turnId, stopReason: 'end_turn', error: null, usage },
      ...{ durationMs: 0, apiDurationMs: 0, costUsd: 0 },
    };
    writer.push([{ type: 'prompt_queued', promptId, content, by }], { ackSeq: seq });
    writer.push([{ type: 'turn_started', turnId, promptId, content, attempt: 1 }]);
    writer.push([ended]);
  }
  await writer.flushed();
}

describe.each([
  fence,
  head,
  retryIdentity,
  subscribeAck,
  offsetFilter,
  audit,
  snapshotBeforeTrim,
  promptIdempotency,
  epochOfLostTail,
])('$name', ({ parts, faults, steps }) => {
  it('in place: the checker finds nothing', async () => {
    await using system = await MiniSystem.start();
    const verdict = await steps(system, true);
    expect(verdict.problems).toEqual([]);
    expect(isClean(verdict)).toBe(true);
    expect(verdict.stats.delivered).toBeGreaterThan(0);
  });

  it('taken out: the checker goes red', async () => {
    await using system = await MiniSystem.start(await parts());
    const verdict = await steps(system, false);
    for (const fault of faults) expect({ fault, count: verdict[fault] }).not.toEqual({ fault, count: 0 });
    expect(verdict.problems).not.toEqual([]);
  });
});
