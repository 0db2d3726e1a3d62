// One chaos run: load, faults by the schedule, rest, and what the history checker says of it.
import type { ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Position, SessionId } from '@holdfast/shared/protocol';
import { createEventLog, createSessionStore, type Redis } from '@holdfast/shared/store';
import { checkHistory } from '../checker/check-history.ts';
import type { Verdict } from '../checker/findings.ts';
import type { HistoryRecord } from '../checker/history.ts';
import { createStoredSession } from '../support/fake-owner.ts';
import { until } from '../support/until.ts';
import { Audience } from './audience.ts';
import { healAll, inject } from './faults.ts';
import { Prompter } from './prompters.ts';
import { seededRandom } from './random.ts';
import { planFaults, type FaultKind } from './schedule.ts';
import { startTiedRedis, startWorld, type World } from './world.ts';

export interface ChaosOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly own: <T extends AsyncDisposable>(start: Promise<T>) => Promise<T>;
  /** For people. */
  readonly say: (line: string) => void;
}

export interface ChaosOutcome {
  readonly verdict: Verdict;
  readonly faults: readonly FaultKind[];
  /** Events that Redis acknowledged while the faults went on. */
  readonly acknowledged: number;
  /** Tools that ran twice for one prompt. */
  readonly toolsRunTwice: number;
  readonly promptsAccepted: number;
}

const WRITTEN_SESSIONS = 12;
const CLIENTS = 18;
const PROMPTED_SESSIONS = 2;
/** Over all sessions: more than the bar asks for, since the faults take their share. */
const EVENTS_PER_SECOND = 1_500;
/** A killed writer's lease, a half-open client's heartbeats: all of it is over by then. */
const REST_MS = 60_000;

export async function runChaos(options: ChaosOptions): Promise<ChaosOutcome> {
  const { seconds, seed, own, say } = options;
  const redis = await startTiedRedis(own);
  const control = redis.connect();
  const records: HistoryRecord[] = [];
  const sessions = await createSessions(control, records);
  const world = await startWorld(own, { redis, sessions, seed, eventsPerSecond: EVENTS_PER_SECOND });
  const people = await own(startPeople(world, { sessions, records, seed }));
  const before = await countAcknowledged(world);
  say(`all is running; ${seconds} s of faults begin (seed ${seed})`);
  const faults = await injectAll(world, { ...options, redis: control });
  const acknowledged = (await countAcknowledged(world)) - before;
  healAll(world);
  say('the faults are over; everything comes to rest');
  const startedAt = performance.now();
  await comeToRest(world, { control, sessions, people, say });
  say(`at rest after ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  await noteEnd(control, { sessions, people, records });
  const runTwice = await Promise.all(
    people.prompters.map(async (prompter) => prompter.runTwice(createSessionStore(control))),
  );
  for (const promptId of runTwice.flat()) say(`the tool of prompt ${promptId} ran again`);
  for (const failure of people.audience.failures) say(`a reader was ended: ${failure}`);
  return {
    verdict: checkHistory([...records, ...(await world.readHistory())]),
    ...{ faults, acknowledged },
    toolsRunTwice: runTwice.flat().length,
    promptsAccepted: people.prompters.reduce((sum, prompter) => sum + prompter.accepted, 0),
  };
}

async function countAcknowledged(world: World): Promise<number> {
  const history = await world.readHistory();
  return history.reduce((sum, record) => sum + (record.kind === 'ack' ? record.count : 0), 0);
}

interface People extends AsyncDisposable {
  readonly audience: Audience;
  readonly prompters: readonly Prompter[];
}

/** Sessions for the writers; their first event counts as acknowledged. */
async function createSessions(redis: Redis, records: HistoryRecord[]): Promise<SessionId[]> {
  const sessions: SessionId[] = [];
  for (let count = 0; count < WRITTEN_SESSIONS; count += 1) {
    const sessionId = await createStoredSession(redis);
    const [created] = await createEventLog(redis).readAfter({ sessionId, after: 0, limit: 1 });
    const meta = await createSessionStore(redis).read(sessionId);
    const place = { session: sessionId, epoch: meta?.epoch ?? '', fence: 0, first: 1 };
    records.push(
      { kind: 'attempt', ...place, frames: [created?.frame ?? ''] },
      { kind: 'ack', ...place, count: 1 },
    );
    sessions.push(sessionId);
  }
  return sessions;
}

async function startPeople(
  world: World,
  options: { sessions: readonly SessionId[]; records: HistoryRecord[]; seed: number },
): Promise<People> {
  const record = (one: HistoryRecord): void => void options.records.push(one);
  const url = `http://127.0.0.1:${world.balancer.port}`;
  const audience = new Audience(url, { clients: CLIENTS, sessions: options.sessions, record });
  const prompters: Prompter[] = [];
  for (let index = 0; index < PROMPTED_SESSIONS; index += 1) {
    const [one, other] = audience.clients.slice(2 * index, 2 * index + 2);
    if (one === undefined || other === undefined) throw new Error('there are too few clients');
    const random = seededRandom(options.seed + 1_000 + index);
    const prompter = await Prompter.start({ clients: [one, other], record, random });
    prompters.push(prompter);
    for (const [number, client] of [one, other].entries()) {
      audience.follow(client, { sessionId: prompter.sessionId, name: `prompter-${number}`, record });
    }
  }
  return {
    audience,
    prompters,
    [Symbol.asyncDispose]: async () => audience[Symbol.dispose](),
  };
}

/** Injects the planned faults at their times; one that takes long does not hold up the others. */
async function injectAll(
  world: World,
  options: ChaosOptions & { readonly redis: Redis },
): Promise<FaultKind[]> {
  const { seconds, seed, redis, say } = options;
  const startedAt = performance.now();
  const done: FaultKind[] = [];
  const running: Promise<void>[] = [];
  for (const fault of planFaults(seed, seconds)) {
    await pause(Math.max(0, fault.atMs - (performance.now() - startedAt)));
    const at = `${(fault.atMs / 1_000).toFixed(1)} s`.padStart(8);
    const injected = inject(fault.kind, fault.seed, { world, redis }).then(
      (what) => {
        done.push(fault.kind);
        say(`${at}  ${fault.kind.padEnd(20)} ${what}`);
      },
      (error: unknown) => say(`${at}  ${fault.kind.padEnd(20)} not done: ${String(error)}`),
    );
    running.push(injected);
  }
  await pause(Math.max(0, seconds * 1_000 - (performance.now() - startedAt)));
  await Promise.all(running);
  return done;
}

/** Prompts and turns end, every session has its owner, every reader has everything. */
async function comeToRest(
  world: World,
  options: { control: Redis; sessions: readonly SessionId[]; people: People; say: (line: string) => void },
): Promise<void> {
  const { control, sessions, people, say } = options;
  const store = createSessionStore(control);
  const late = (what: string) => (): void => say(`NOT AT REST: ${what}`);
  await Promise.all(people.prompters.map(async (prompter) => prompter.stop()));
  const own = world.writers.map(({ process }) => process?.ready['workerId']);
  const isOwned = async (): Promise<boolean> => {
    const metas = await Promise.all(sessions.map(async (sessionId) => store.read(sessionId)));
    return metas.every((meta) => meta !== null && meta.owner !== null && own.includes(meta.owner.workerId));
  };
  await until(isOwned, { what: 'owners', limitMs: REST_MS }).catch(late('a session has no living owner'));
  await Promise.all(world.writers.map(async ({ process }) => finishWriter(process?.child))).catch(
    late('a writer did not finish'),
  );
  const isIdle = async (): Promise<boolean> => {
    const metas = await Promise.all(people.prompters.map(async ({ sessionId }) => store.read(sessionId)));
    return metas.every((meta) => meta?.status === 'idle' && meta.inboxHead === meta.inboxAcked);
  };
  await until(isIdle, { what: 'idle sessions', limitMs: REST_MS }).catch(late('a prompt has not ended'));
  const all = [...sessions, ...people.prompters.map(({ sessionId }) => sessionId)];
  const isRead = async (): Promise<boolean> =>
    people.audience.behind(await headsOf(control, all)).length === 0;
  await until(isRead, { what: 'readers', limitMs: REST_MS }).catch(late('a reader does not have everything'));
}

async function finishWriter(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined) return;
  const finished = Promise.withResolvers<void>();
  child.once('message', () => finished.resolve());
  child.send({ type: 'finish' });
  const late = setTimeout(() => finished.reject(new Error('late')), REST_MS);
  await finished.promise.finally(() => clearTimeout(late));
}

async function headsOf(redis: Redis, sessions: readonly SessionId[]): Promise<Map<SessionId, Position>> {
  const heads = await createEventLog(redis).heads(sessions);
  const entries = sessions.flatMap((sessionId, index): [SessionId, Position][] => {
    const head = heads[index];
    return head === null || head === undefined ? [] : [[sessionId, { epoch: head.epoch, offset: head.head }]];
  });
  return new Map(entries);
}

/** Notes how everything ended: the heads, what the logs and histories hold, where the readers are. */
async function noteEnd(
  redis: Redis,
  options: { sessions: readonly SessionId[]; people: People; records: HistoryRecord[] },
): Promise<void> {
  const { sessions, people, records } = options;
  people.audience.end();
  const log = createEventLog(redis);
  const prompted = people.prompters.map(({ sessionId }) => sessionId);
  for (const [session, { epoch, offset: head }] of await headsOf(redis, [...sessions, ...prompted])) {
    records.push({ kind: 'head', session, epoch, head });
    const stored = await log.readAfter({ sessionId: session, after: 0, limit: 1_000_000 });
    const kept = await log.readHistory({ sessionId: session, before: null, limit: 1_000_000 });
    for (const { offset, frame } of [...stored, ...kept])
      records.push({ kind: 'stored', session, offset, frame });
  }
}
