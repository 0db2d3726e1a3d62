// The clients' side of the benchmark, as a process: thousands of connections in groups, each event counted.
import { connect, type Socket } from 'node:net';
import { serve } from '../rpc.ts';
import { Connection, type Target } from './connection.ts';
import { dialectOf, type ClientSession } from './dialects.ts';
import { Group, runBounded, type GroupStats } from './group.ts';
import { scanMarks } from './token.ts';
import type { Lane, SessionRef } from './types.ts';

const groups = new Map<string, Group>();
let feedback: Socket | undefined;
let received = 0;
let isTelling = false;

/** Tells the producer how much has come since the window began, once for what came in one turn of the loop. */
function tell(events: number): void {
  received += events;
  if (isTelling) return;
  isTelling = true;
  setImmediate(() => {
    isTelling = false;
    const message = Buffer.allocUnsafe(8);
    message.writeDoubleLE(received);
    feedback?.write(message);
  });
}

function groupOf(name: string): Group {
  const group = groups.get(name);
  if (group === undefined) throw new Error(`there is no group ${name}`);
  return group;
}

/** Connects without a session's place being kept; resolves when live, with the number of events that came. */
async function visit(target: Target, ref: SessionRef): Promise<number> {
  const { id, epoch, offset, count } = ref;
  const session: ClientSession = { id, epoch, offset, number: count, resets: 0 };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let events = 0;
  const connection = new Connection({ ...target, dialect: dialectOf('holdfast') }, session, {
    onOpen: () => undefined,
    onText: (text, heard) => {
      scanMarks(text, () => (events += 1));
      if (heard === 'live') resolve();
      if (heard === 'refused') reject(new Error(`a gateway refused: ${text}`));
    },
    onLost: () => reject(new Error('a connection was lost')),
  });
  await promise;
  connection.cut();
  return events;
}

const handlers = {
  /** Where to say how much was received: counts are only for closed loops. */
  connect: async ({ feedbackPath }: { readonly feedbackPath: string }): Promise<void> => {
    feedback = connect(feedbackPath);
    await new Promise((resolve) => feedback?.once('connect', resolve));
  },

  /** Connects a client for each session; resolves when all are live, with how long that took. */
  open: async (input: {
    readonly group: string;
    readonly lane: Lane;
    readonly target: Target;
    readonly sessions: readonly SessionRef[];
    readonly inFlight: number;
  }): Promise<{ readonly ms: number }> => {
    const group = new Group(input, tell);
    groups.set(input.group, group);
    group.begin();
    const startedAt = performance.now();
    await group.connect(input.inFlight);
    return { ms: performance.now() - startedAt };
  },

  begin: ({ group }: { readonly group: string }): void => {
    received = 0;
    groupOf(group).begin();
  },

  /** Waits until `expected` events have come since `begin`, at most `limitMs`. */
  settle: async (input: {
    readonly group: string;
    readonly expected: number;
    readonly limitMs: number;
  }): Promise<GroupStats> => groupOf(input.group).settle(input.expected, input.limitMs),

  expectLoss: (input: { readonly group: string; readonly port: number; readonly withinMs: number }): void =>
    groupOf(input.group).expectLoss(input.port, input.withinMs),

  lose: (input: {
    readonly group: string;
    readonly how: 'cut' | 'abandon';
    readonly port: number;
    readonly withinMs: number;
  }): void => groupOf(input.group).lose(input.how, input),

  close: ({ group }: { readonly group: string }): void => {
    groups.get(group)?.close();
    groups.delete(group);
  },

  /** Bare WebSocket upgrades, and nothing after them. All stay open until the last is done. */
  upgrades: async (input: {
    readonly target: Target;
    readonly count: number;
    readonly inFlight: number;
  }): Promise<{ readonly ms: number }> => {
    const dialect = { ...dialectOf('limit'), path: () => '/bare' };
    const session: ClientSession = { id: '', epoch: '', offset: 0, number: 0, resets: 0 };
    const open: Connection[] = [];
    const startedAt = performance.now();
    await runBounded(
      Array.from({ length: input.count }, (_, index) => index),
      input.inFlight,
      async () =>
        new Promise<void>((resolve, reject) => {
          const onLost = (): void => reject(new Error('an upgrade failed'));
          const on = { onOpen: resolve, onText: () => undefined, onLost };
          open.push(new Connection({ ...input.target, dialect }, session, on));
        }),
    );
    const ms = performance.now() - startedAt;
    for (const connection of open) connection.cut();
    return { ms };
  },

  /** Resumes for a while: connect, say hello, attach, take the missed events, leave; the sessions in turn. */
  resumes: async (input: {
    readonly target: Target;
    readonly sessions: readonly SessionRef[];
    readonly inFlight: number;
    readonly durationMs: number;
  }): Promise<{ readonly resumes: number; readonly events: number; readonly ms: number }> => {
    const startedAt = performance.now();
    let resumes = 0;
    let events = 0;
    const inTurn = function* (): Generator<SessionRef> {
      for (;;) yield* input.sessions;
    };
    const next = inTurn();
    const lane = async (): Promise<void> => {
      while (performance.now() - startedAt < input.durationMs) {
        const { value } = next.next();
        if (value === undefined) return;
        const replayed = await visit(input.target, value);
        events += replayed;
        resumes += 1;
      }
    };
    await Promise.all(Array.from({ length: input.inFlight }, lane));
    return { resumes, events, ms: performance.now() - startedAt };
  },
};

export type ClientApi = typeof handlers;
serve(handlers);
