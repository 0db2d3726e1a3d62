// What is stored of a session, read from Redis and derived from the model in one form, so that they can be compared.
import type { SessionId } from '@holdfast/shared/protocol';
import { sessionKeys, storedKeysOf, type Redis } from '@holdfast/shared/store';
import type { ModelState } from './session-model.ts';

/** Everything that is stored of a session, in the form of {@link storedForm}; null when no key is left. */
export async function readStored(redis: Redis, sessionId: SessionId): Promise<unknown> {
  const keys = sessionKeys(sessionId);
  const [meta, events, history, snapshot, inbox, queue, order, approvals, prompts] = await Promise.all([
    redis.hgetall(keys.meta),
    redis.xrange(keys.events, '-', '+'),
    redis.xrange(keys.history, '-', '+'),
    redis.get(keys.snapshot),
    redis.xrange(keys.inbox, '-', '+'),
    redis.hgetall(keys.queue),
    redis.zrange(keys.order, '0', '-1', 'WITHSCORES'),
    redis.hgetall(keys.approvals),
    redis.zrange(keys.idem, '0', '-1'),
  ]);
  if ((await redis.exists(...storedKeysOf(sessionId))) === 0) return null;
  const { user, epoch, head, fence, owner, inc, runId, inboxHead, inboxAcked, status, deleting } = meta;
  return {
    meta: { user, epoch, head, fence, owner, inc, inboxHead, inboxAcked, status },
    server: serverOf(runId),
    isDeleting: deleting !== undefined,
    historyBytes: Number(meta['historyBytes'] ?? 0),
    events: events.map(([id, fields]) => [id, fields[1]]),
    history: history.map(([id, fields]) => [id, fields[1]]),
    snapshot,
    inbox: inbox.map(([id, fields]) => [id, fields[1]]),
    queue,
    order: Object.fromEntries(pairs(order)),
    approvals,
    prompts: prompts.sort(),
  };
}

/** The model's state as it must be found in Redis. */
export function storedForm(state: ModelState): unknown {
  const { user, epoch, head, fence, owner, server, inboxHead, inboxAcked, status } = state;
  const stream = (events: ModelState['events']): [string, string][] =>
    events.map((event) => [`${event.offset}-${event.fence}`, event.frame]);
  return {
    meta: {
      ...{ user, epoch, status, head: `${head}`, fence: `${fence}` },
      ...{ owner: owner?.workerId ?? '', inc: owner?.incarnation ?? '' },
      ...{ inboxHead: `${inboxHead}`, inboxAcked: `${inboxAcked}` },
    },
    server,
    isDeleting: state.isDeleting,
    historyBytes: state.historyBytes,
    events: stream(state.events),
    history: stream(state.history),
    snapshot: state.snapshot === null ? null : `${state.snapshot.offset}\n${state.snapshot.json}`,
    inbox: state.inbox.map(({ seq, json }) => [`${seq}-0`, json]),
    queue: Object.fromEntries(state.queue),
    order: Object.fromEntries([...state.order].map(([id, score]) => [id, `${score}`])),
    approvals: Object.fromEntries(state.approvals),
    prompts: [...state.prompts].map((id) => `prompt:${id}`).sort(),
  };
}

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((value, index) =>
    index % 2 === 0 ? [[value, flat[index + 1] ?? ''] as [string, string]] : [],
  ); // a pair
}

function serverOf(runId: string | undefined): ModelState['server'] {
  if (runId === undefined || runId === '') return 'none';
  return runId === 'another server' ? 'another' : 'this';
}
