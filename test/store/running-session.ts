// One session with its real runner in this process: a real Redis and store, scripted agents as children. Commands go
// in as a gateway stores them, events are read from the log.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateId,
  PromptId,
  SessionEvent,
  textContent,
  UserId,
  WorkerId,
  type ApprovalId,
  type Command,
  type Decision,
  type EventBodyOf,
  type EventType,
  type SessionId,
} from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import {
  createApprovalStore,
  createCommandInbox,
  createEventLog,
  createSessionStore,
  createUserRules,
  createUploads,
  createUserTrust,
  createWorkerRegistry,
  type CommandInbox,
  type DecideResult,
  type EventLog,
  type Redis,
} from '@holdfast/shared/store';
import { NO_POLICY } from '../../apps/worker/src/approvals/policy.ts';
import { claimSession, type Claimed } from '../../apps/worker/src/claim/claimer.ts';
import { promptBlocksOf } from '../../apps/worker/src/session/prompt-blocks.ts';
import { Admission } from '../../apps/worker/src/session/admission.ts';
import type { ChildLimits } from '../../apps/worker/src/session/child-care.ts';
import type { ChildEnvironment } from '../../apps/worker/src/session/child-host.ts';
import { createSessionFiles, type SessionFiles } from '../../apps/worker/src/session/session-files.ts';
import { SessionRunner } from '../../apps/worker/src/session/session-runner.ts';
import { mannered, testEnvironment } from '../../apps/worker/test/support/environment.ts';
import { silentLogger } from '../support/redis.ts';
import { until } from '../support/until.ts';

export const USER = UserId.parse('local');
type Located<T extends EventType> = SessionEvent & EventBodyOf<T>;
/** A command without who gave it. */
export type Order = Command extends infer C ? (C extends Command ? Omit<C, 'by'> : never) : never;

export interface RunOptions {
  /** How the agent behaves from its start on. */
  readonly manner?: string;
  readonly environment?: Partial<ChildEnvironment>;
  readonly limits?: Partial<ChildLimits>;
  readonly admission?: Admission;
  /** Change what the runner sees of the real log, inbox or files. */
  readonly log?: (log: EventLog) => EventLog;
  readonly inbox?: (inbox: CommandInbox) => CommandInbox;
  readonly files?: (files: SessionFiles) => SessionFiles;
  readonly logger?: Logger;
  /** A session that exists: its owner is taken for dead. */
  readonly sessionId?: SessionId;
  /** Where sessions of one test work and keep their files. */
  readonly dir?: string;
}

export interface RunningSession extends AsyncDisposable {
  readonly runner: SessionRunner;
  readonly sessionId: SessionId;
  readonly claimed: Claimed;
  readonly dir: string;
  readonly cwd: string;
  readonly overs: string[];
  readonly active: boolean[];
  /** Stores a command and rings the doorbell. */
  order(order: Order): Promise<void>;
  prompt(text: string, promptId?: string): Promise<PromptId>;
  /** Records a decision as a gateway does, and rings the doorbell. */
  decide(approvalId: ApprovalId, decision: Decision): Promise<DecideResult>;
  /** All events still in the log. */
  events(): Promise<SessionEvent[]>;
  all<T extends EventType>(type: T): Promise<Located<T>[]>;
  /** Waits for the first event of this type with these fields. */
  one<T extends EventType>(type: T, fields?: Partial<Located<T>>): Promise<Located<T>>;
  /** Waits for the end of the turn of a prompt, and gives it with the texts of its answers. */
  endOf(promptId: string): Promise<Located<'turn_ended'> & { readonly texts: string[] }>;
}

/** Creates a session (or takes one over) and serves it until disposed. */
export async function runSession(redis: Redis, options: RunOptions = {}): Promise<RunningSession> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'hf-run-')));
  const sessionId = options.sessionId ?? (await createIn(redis, dir, options.manner));
  const claimed = await claim(redis, sessionId);
  const realLog = createEventLog(redis);
  const realInbox = createCommandInbox(redis);
  const files = createSessionFiles({ dataDir: dir, userId: USER, sessionId, seedDir: undefined });
  const overs: string[] = [];
  const active: boolean[] = [];
  const { owner, meta, view, queue, taken } = claimed;
  const runner = new SessionRunner({
    ...{ owner, meta, view, queue, taken },
    log: options.log?.(realLog) ?? realLog,
    inbox: options.inbox?.(realInbox) ?? realInbox,
    blocks: promptBlocksOf(createUploads(redis), sessionId),
    files: options.files?.(files) ?? files,
    logger: options.logger ?? silentLogger,
    environment: testEnvironment(options.environment),
    workerId: WorkerId.parse('w1'),
    now: Date.now,
    approvals: {
      store: createApprovalStore(redis),
      userRules: createUserRules(redis),
      trust: createUserTrust(redis),
      policy: NO_POLICY,
      bridge: null,
    },
    admission: options.admission ?? new Admission({ capacity: 4, parkIdlest: () => false }),
    limits: { idleMs: 0, memoryBytes: 0, stallMs: 0, ...options.limits },
    onActive: (isActive) => void active.push(isActive),
    onOver: (reason) => void overs.push(reason),
  });
  await runner.start();
  const events = async (): Promise<SessionEvent[]> => {
    const stored = await realLog.readAfter({ sessionId, after: 0, limit: 100_000 });
    return stored.map(({ frame }) => SessionEvent.parse(JSON.parse(frame)));
  };
  const all = async <T extends EventType>(type: T): Promise<Located<T>[]> =>
    (await events()).filter((event): event is Located<T> => event.type === type);
  const one: RunningSession['one'] = async (type, fields = {}) =>
    until(async () => (await all(type)).find((event) => hasFields(event, fields)), {
      what: `${type} ${JSON.stringify(fields)}`,
    }).catch(async (error: unknown) => {
      throw new Error(`seen: ${(await events()).map((event) => event.type).join(' ')}`, { cause: error });
    });
  const order = async (what: Order): Promise<void> => {
    await realInbox.submit({ sessionId, userId: USER, command: { ...what, by: USER } });
    runner.wake('doorbell');
  };
  const decide: RunningSession['decide'] = async (approvalId, decision) => {
    const result = await createApprovalStore(redis).decide({ sessionId, userId: USER, approvalId, decision });
    runner.wake('doorbell');
    return result;
  };
  return {
    decide,
    ...{ runner, sessionId, claimed, dir, cwd: meta.cwd, overs, active, order, events, all, one },
    prompt: async (text, promptId = randomUUID()) => {
      await order({ type: 'prompt', promptId: PromptId.parse(promptId), content: textContent(text) });
      return PromptId.parse(promptId);
    },
    endOf: async (promptId) => {
      const ended = await until(
        async () => {
          const turns = (await all('turn_started')).filter((event) => event.promptId === promptId);
          return (await all('turn_ended')).find((event) =>
            turns.some((turn) => turn.turnId === event.turnId),
          );
        },
        { what: `the end of the turn of ${promptId}` },
      );
      const texts = (await all('message_completed')).filter((event) => event.turnId === ended.turnId);
      return { ...ended, texts: texts.map((event) => event.text) };
    },
    [Symbol.asyncDispose]: async () => {
      await runner.stop(0);
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}

async function createIn(redis: Redis, cwd: string, manner?: string): Promise<SessionId> {
  const store = createSessionStore(redis);
  const { sessionId } = await store.reserveId(USER, CreateId.parse(randomUUID()));
  const settings = mannered(manner);
  const at = Date.now();
  const session = { sessionId, userId: USER, title: null, cwd, settings };
  const frame = JSON.stringify({ offset: 1, at, type: 'session_created', ...session });
  await store.create({ ...session, epoch: 'e1', frame, at });
  return sessionId;
}

async function claim(redis: Redis, sessionId: SessionId): Promise<Claimed> {
  const outcome = await claimSession(
    {
      sessions: createSessionStore(redis),
      registry: createWorkerRegistry(redis),
      log: createEventLog(redis),
      inbox: createCommandInbox(redis),
      // Never registered: whoever comes next takes it for dead.
      identity: { workerId: WorkerId.parse('w1'), incarnation: randomUUID() },
      maySeize: () => true,
    },
    sessionId,
  );
  if (outcome.status !== 'claimed') throw new Error(`the claim was ${outcome.status}`);
  return outcome.claimed;
}

function hasFields(event: SessionEvent, fields: object): boolean {
  return Object.entries(fields).every(([name, value]) => Reflect.get(event, name) === value);
}
