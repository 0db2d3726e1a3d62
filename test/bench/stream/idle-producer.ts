// Makes sessions that had one short turn, as gateway and worker write them: record, inbox, queue, log, history,
// snapshot, and put to rest as idle sessions are. Nothing but the CLI is left out.
import { randomUUID } from 'node:crypto';
import {
  Command,
  lastOffsetOf,
  mintTurnId,
  NO_TOKENS,
  PromptId,
  textContent,
  type EventBody,
} from '@holdfast/shared/protocol';
import { createLogger } from '@holdfast/shared/runtime';
import {
  createCommandInbox,
  createCommandRedis,
  storedKeysOf,
  type CommandInbox,
} from '@holdfast/shared/store';
import { serve } from '../rpc.ts';
import { BENCH_USER, createSessionMaker, type WrittenSession } from './lane-holdfast.ts';
import type { RedisPlace } from './types.ts';

const CONCURRENCY = 64;
/** Prompt, start, deltas, message, usage, end: a turn of 20 events. */
const DELTAS = 15;
const DELTA_TEXT = 'some words of an answer that ';

async function runTurn({ owner, writer }: WrittenSession, inbox: CommandInbox): Promise<number> {
  const promptId = PromptId.parse(randomUUID());
  const turnId = mintTurnId();
  const content = textContent('Please look at the failing test and tell me what is wrong with it.');
  const command = Command.parse({ type: 'prompt', promptId, content, by: BENCH_USER });
  const submitted = await inbox.submit({ sessionId: owner.sessionId, userId: BENCH_USER, command });
  if (submitted.status !== 'accepted') throw new Error(`a prompt was ${submitted.status}`);
  const put = { op: 'put' as const, promptId, json: JSON.stringify({ promptId, content }), score: 1 };
  const started: EventBody[] = [
    {
      type: 'child_started',
      pid: 4_242,
      cliVersion: '2.1.197',
      modelSource: 'demo',
      resumed: false,
      containment: 'namespace',
    },
    {
      type: 'notice',
      kind: 'model_source',
      text: 'The demo model answers; set ANTHROPIC_API_KEY for a real one.',
    },
  ];
  writer.push(started, { meta: { cli: randomUUID() } });
  writer.push([{ type: 'prompt_queued', promptId, content, by: BENCH_USER }], {
    ackSeq: submitted.seq,
    queue: [put],
  });
  await writer.flushed();
  writer.push([{ type: 'turn_started', turnId, promptId, content, attempt: 1 }], {
    queue: [{ op: 'del', promptId }],
  });
  await writer.flushed();
  const block = { turnId, messageId: `msg_${randomUUID()}`, block: 0, kind: 'text' as const };
  for (let delta = 0; delta < DELTAS; delta += 1) {
    writer.push([{ type: 'message_delta', ...block, text: DELTA_TEXT }]);
    // One at a time, as a model that is not faster than Redis: none is merged with the next.
    await writer.flushed();
  }
  writer.push([{ type: 'message_completed', ...block, text: DELTA_TEXT.repeat(DELTAS) }]);
  const usage: EventBody[] = [
    {
      type: 'usage_updated',
      context: { tokens: 20_000, windowTokens: 200_000 },
      totals: NO_TOKENS,
      costUsd: 0.01,
    },
    {
      type: 'turn_ended',
      turnId,
      stopReason: 'end_turn',
      error: null,
      durationMs: 3_000,
      apiDurationMs: 2_500,
      costUsd: 0.01,
      usage: NO_TOKENS,
    },
  ];
  writer.push(usage);
  await writer.flushed();
  // Idle for long enough, its child is parked, which trims the log to the snapshot.
  writer.compact();
  writer.push([{ type: 'child_parked', reason: 'idle' }]);
  await writer.flushed();
  return lastOffsetOf(writer.view);
}

const handlers = {
  /** Makes the sessions; says how many events each has, and the stored keys of one of them. */
  run: async (input: {
    readonly redis: RedisPlace;
    readonly sessions: number;
  }): Promise<{ readonly events: number; readonly sample: string[] }> => {
    const redis = createCommandRedis(
      input.redis,
      createLogger({ part: 'producer', level: 'warn' }),
      'bench:idle',
    );
    const make = await createSessionMaker(redis);
    const inbox = createCommandInbox(redis);
    let left = input.sessions;
    let events = 0;
    let sample: string[] = [];
    const lane = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const session = await make();
        events = await runTurn(session, inbox);
        sample = storedKeysOf(session.owner.sessionId);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, lane));
    redis.disconnect();
    return { events, sample };
  },
};

export type IdleProducerApi = typeof handlers;
serve(handlers);
