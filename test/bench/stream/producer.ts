// The worker's side of the benchmark, as a process: many sessions, events sent at a rate or as fast as they arrive.
import { createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createLogger } from '@holdfast/shared/runtime';
import { createCommandRedis, createGatheringRedis } from '@holdfast/shared/store';
import { serve } from '../rpc.ts';
import { textChars, type ProducerLane } from './lane.ts';
import { createHoldfastLane } from './lane-holdfast.ts';
import { createLimitLane } from './lane-limit.ts';
import { createResumableLane } from './peers/lane-resumable.ts';
import { createSocketioLane } from './peers/lane-socketio.ts';
import { markedText, nowUs } from './token.ts';
import type { Lane, LoadShape, RedisPlace, SessionRange, SessionRef } from './types.ts';

/** The window of active sessions moves on by one session in this time: each is active for a second or so. */
const SLIDE_MS = 20;
/** The first part of a saturated window is not counted. */
const RAMP_MS = 300;

interface OpenLane {
  readonly lane: ProducerLane;
  /** Events sent, by session. */
  readonly counts: number[];
}

const lanes = new Map<Lane, OpenLane>();
let place: RedisPlace | undefined;
/** How many events the clients have received since the window began, as far as they have told. */
let received = 0;
let onReceived: () => void = () => undefined;
let feedback: Server | undefined;

async function createLane(kind: Lane): Promise<ProducerLane> {
  if (place === undefined) throw new Error('connect comes first');
  const logger = createLogger({ part: 'producer', level: 'warn' });
  // The worker's kind of connection; every other lane has one that sends each command at once.
  if (kind === 'holdfast') return createHoldfastLane(createGatheringRedis(place, logger, 'bench:holdfast'));
  const redis = createCommandRedis(place, logger, `bench:${kind}`);
  switch (kind) {
    case 'limit':
      return createLimitLane(redis);
    case 'socketio':
      return createSocketioLane(redis);
    case 'resumable':
      return createResumableLane(place);
  }
}

function laneOf(kind: Lane): OpenLane {
  const open = lanes.get(kind);
  if (open === undefined) throw new Error(`the lane ${kind} is not open`);
  return open;
}

function send(open: OpenLane, index: number, chars: number): void {
  const number = (open.counts[index] ?? 0) + 1;
  open.counts[index] = number;
  open.lane.push(index, { number, text: markedText(nowUs(), number, chars) });
}

/** Which session gets the next event: round the window of active ones, which slides over the range. */
function picker(shape: LoadShape): () => number {
  const startedAt = performance.now();
  let next = 0;
  return () => {
    next += 1;
    const slid = Math.floor((performance.now() - startedAt) / SLIDE_MS);
    return shape.first + ((slid + (next % shape.active)) % shape.count);
  };
}

/** The clients say here how much they have received: each message is the sum so far as a float64. */
function listenForFeedback(path: string): Promise<void> {
  feedback = createServer((socket) => {
    socket.on('data', (chunk) => {
      received = chunk.readDoubleLE(chunk.length - 8);
      onReceived();
    });
    socket.on('error', () => undefined);
  });
  return new Promise((resolve) => feedback?.listen(path, resolve));
}

const handlers = {
  connect: async (input: { readonly redis: RedisPlace; readonly feedbackPath: string }): Promise<void> => {
    place = input.redis;
    await listenForFeedback(input.feedbackPath);
  },

  /** Makes `count` more sessions in a lane. */
  open: async ({ lane: kind, count }: { readonly lane: Lane; readonly count: number }): Promise<void> => {
    const open = lanes.get(kind) ?? { lane: await createLane(kind), counts: [] };
    lanes.set(kind, open);
    await open.lane.open(count);
    for (let index = 0; index < count; index += 1) open.counts.push(0);
  },

  refs: (range: SessionRange): SessionRef[] => {
    const { lane, counts } = laneOf(range.lane);
    return Array.from({ length: range.count }, (_, index) => {
      const at = range.first + index;
      return { ...lane.placeOf(at), count: counts[at] ?? 0 };
    });
  },

  /** Open loop: `rate` events per second whatever becomes of them. Resolves with how many were sent. */
  drive: async (shape: LoadShape & { readonly rate: number }): Promise<number> => {
    const open = laneOf(shape.lane);
    const pick = picker(shape);
    const chars = textChars(shape.size);
    const startedAt = performance.now();
    let sent = 0;
    for (let elapsed = 0; elapsed < shape.durationMs; elapsed = performance.now() - startedAt) {
      const due = Math.floor((elapsed * shape.rate) / 1_000);
      for (; sent < due; sent += 1) send(open, pick(), chars);
      await pause(1);
    }
    await open.lane.flushed();
    return sent;
  },

  /** Closed loop: `inFlight` events are always on their way. The rate is that of events which reached their clients. */
  saturate: async (
    shape: LoadShape & { readonly inFlight: number; readonly subscribers: number },
  ): Promise<{ readonly sent: number; readonly perSecond: number }> => {
    const open = laneOf(shape.lane);
    const pick = picker(shape);
    const chars = textChars(shape.size);
    let sent = 0;
    received = 0;
    const pump = (): void => {
      for (; sent - received / shape.subscribers < shape.inFlight; sent += 1) send(open, pick(), chars);
    };
    onReceived = pump;
    pump();
    await pause(RAMP_MS);
    const begin = { at: performance.now(), received };
    await pause(shape.durationMs);
    const events = (received - begin.received) / shape.subscribers;
    const perSecond = (events * 1_000) / (performance.now() - begin.at);
    onReceived = () => undefined;
    await open.lane.flushed();
    return { sent, perSecond };
  },

  /** Sends `each` events to every session of the range, without anybody listening. */
  fill: async (range: SessionRange & { readonly each: number; readonly size: number }): Promise<void> => {
    const open = laneOf(range.lane);
    const chars = textChars(range.size);
    for (let index = range.first; index < range.first + range.count; index += 1) {
      for (let event = 0; event < range.each; event += 1) send(open, index, chars);
      if (index % 100 === 99) await open.lane.flushed();
    }
    await open.lane.flushed();
  },
};

export type ProducerApi = typeof handlers;
serve(handlers);
