// What the session scripts must do, as a model in memory: plain values, no Redis, no clock. The property tests hold
// the scripts against it.
import type {
  AppendEffects,
  AppendResult,
  Ownership,
  ResumeResult,
  SubmitResult,
} from '@holdfast/shared/store';
import { WorkerId, type Command, type Position } from '@holdfast/shared/protocol';

interface ModelEvent {
  readonly offset: number;
  readonly fence: number;
  readonly frame: string;
}

/** Everything that is stored of a session. */
export interface ModelState {
  readonly user: string;
  epoch: string;
  head: number;
  fence: number;
  owner: { readonly workerId: string; readonly incarnation: string } | null;
  /** Who gave the session up last. */
  lastOwner: string | null;
  /** The Redis server that an owner last saw. */
  server: 'none' | 'this' | 'another';
  inboxHead: number;
  inboxAcked: number;
  status: string;
  isDeleting: boolean;
  historyBytes: number;
  events: ModelEvent[];
  history: ModelEvent[];
  snapshot: { readonly offset: number; readonly json: string } | null;
  inbox: { readonly seq: number; readonly json: string }[];
  queue: Map<string, string>;
  order: Map<string, number>;
  approvals: Map<string, string>;
  prompts: Set<string>;
}

export class SessionModel {
  readonly #queueCap: number;
  state: ModelState | null = null;
  /** It was deleted: its id makes no session any more. */
  isGone = false;
  /** What {@link restore} goes back to: the state that a failover or a truncated file leaves. */
  #saved: ModelState | null = null;
  /** The largest fence that was ever given out, also by claims that were lost. */
  maxFence = 0;

  constructor(queueCap: number) {
    this.#queueCap = queueCap;
  }

  create(session: { user: string; epoch: string; frame: string }): 'created' | 'exists' | 'gone' {
    if (this.isGone || this.state?.isDeleting === true) return 'gone';
    if (this.state !== null) return 'exists';
    const created = { offset: 1, fence: 0, frame: session.frame };
    this.state = {
      user: session.user,
      epoch: session.epoch,
      head: 1,
      fence: 0,
      owner: null,
      lastOwner: null,
      server: 'none',
      inboxHead: 0,
      inboxAcked: 0,
      status: 'idle',
      isDeleting: false,
      historyBytes: 0,
      events: [created],
      history: [created],
      snapshot: null,
      inbox: [],
      queue: new Map(),
      order: new Map(),
      approvals: new Map(),
      prompts: new Set(),
    };
    return 'created';
  }

  submit(user: string, command: Command): SubmitResult {
    const { state } = this;
    if (state === null || state.user !== user || state.isDeleting) return { status: 'not_found' };
    const owner =
      state.owner === null ? null : { ...state.owner, workerId: WorkerId.parse(state.owner.workerId) };
    const last = state.owner?.workerId ?? state.lastOwner;
    const addressee = { owner, lastOwner: last === null ? null : WorkerId.parse(last) };
    const promptId = command.type === 'prompt' ? command.promptId : null;
    if (promptId !== null && state.prompts.has(promptId)) return { status: 'duplicate', ...addressee };
    const waiting = state.order.size + state.inboxHead - state.inboxAcked;
    if (promptId !== null && waiting >= this.#queueCap) return { status: 'queue_full', waiting };
    state.inboxHead += 1;
    state.inbox.push({ seq: state.inboxHead, json: JSON.stringify(command) });
    if (promptId !== null) state.prompts.add(promptId);
    if (command.type === 'delete') state.isDeleting = true;
    return { status: 'accepted', seq: state.inboxHead, ...addressee };
  }

  acknowledge(owner: Ownership, seq: number): 'ok' | 'fenced' {
    const { state } = this;
    if (state === null || !isOwner(state, owner)) return 'fenced';
    if (seq > state.inboxAcked) ackInbox(state, seq);
    return 'ok';
  }

  /** A claim on what was observed; `fence` is what the script gave, which must be larger than any before. */
  claim(input: {
    readonly observed: Pick<ModelState, 'fence' | 'owner'>;
    readonly owner: { readonly workerId: string; readonly incarnation: string };
    readonly freshEpoch: string;
  }): { status: 'claimed'; epochChanged: boolean } | { status: 'lost' } | { status: 'not_found' } {
    const { state } = this;
    if (state === null) return { status: 'not_found' };
    const { observed } = input;
    const isAsObserved =
      observed.fence === state.fence &&
      observed.owner?.workerId === state.owner?.workerId &&
      observed.owner?.incarnation === state.owner?.incarnation;
    if (!isAsObserved) return { status: 'lost' };
    const epochChanged = state.server === 'another';
    if (epochChanged) state.epoch = input.freshEpoch;
    state.owner = input.owner;
    state.server = 'this';
    return { status: 'claimed', epochChanged };
  }

  claimedWith(fence: number): void {
    this.maxFence = Math.max(this.maxFence, fence);
    if (this.state !== null) this.state.fence = fence;
  }

  append(
    owner: Ownership,
    first: number,
    append: { frames: readonly string[]; effects: AppendEffects },
  ): AppendResult {
    const { state } = this;
    if (state === null) return { status: 'not_found' };
    if (!isOwner(state, owner)) return { status: 'fenced', fence: state.fence };
    const { frames, effects } = append;
    const last = first + frames.length - 1;
    if (last <= state.head) return { status: 'duplicate', head: state.head };
    if (first !== state.head + 1) return { status: 'gap', head: state.head };
    const added = frames.map((frame, index) => ({ offset: first + index, fence: owner.fence, frame }));
    state.events.push(...added);
    state.head = last;
    const hasEffects = Object.keys(effects).length > 0;
    if (hasEffects) applyEffects(state, added, effects);
    return { status: 'ok', head: last, historyBytes: hasEffects ? state.historyBytes : null };
  }

  resume(input: {
    user: string | null;
    position: Position | null;
    limit: number;
    maxBytes: number;
  }): ResumeResult {
    const { state } = this;
    if (state === null || state.isDeleting || (input.user !== null && input.user !== state.user)) {
      return { status: 'not_found' };
    }
    const about = { epoch: state.epoch, head: state.head, sessionStatus: state.status as 'idle' }; // only ever idle or running
    const after = (offset: number): string[] =>
      page(state.events.filter((event) => event.offset > offset).slice(0, input.limit), input.maxBytes);
    const reason = whyReset(state, input.position);
    if (reason === null) {
      return { status: 'continue', ...about, frames: after(input.position?.offset ?? 0) };
    }
    const snapshotOffset = state.snapshot?.offset ?? 0;
    const snapshot = state.snapshot?.json ?? null;
    return { status: 'reset', reason, ...about, snapshotOffset, snapshot, frames: after(snapshotOffset) };
  }

  release(owner: Ownership): 'released' | 'fenced' {
    const { state } = this;
    if (state === null || !isOwner(state, owner)) return 'fenced';
    state.lastOwner = state.owner?.workerId ?? null;
    state.owner = null;
    return 'released';
  }

  delete(owner: Ownership): 'deleted' | 'fenced' | 'not_found' {
    if (this.state === null) return 'not_found';
    if (!isOwner(this.state, owner)) return 'fenced';
    this.state = null;
    this.isGone = true;
    return 'deleted';
  }

  /** Whether there is something to go back to. */
  get isSaved(): boolean {
    return this.#saved !== null;
  }

  save(): void {
    this.#saved = structuredClone(this.state);
  }

  restore(): void {
    this.state = structuredClone(this.#saved);
    this.isGone = false;
    if (this.state?.server === 'this') this.state.server = 'another';
  }
}

function isOwner(state: ModelState, owner: Ownership): boolean {
  return state.fence === owner.fence && state.owner?.incarnation === owner.incarnation;
}

function ackInbox(state: ModelState, seq: number): void {
  state.inboxAcked = seq;
  state.inbox = state.inbox.filter((command) => command.seq > seq);
}

function applyEffects(state: ModelState, added: readonly ModelEvent[], effects: AppendEffects): void {
  for (const index of effects.history ?? []) {
    const event = added[index];
    if (event === undefined) continue;
    state.history.push({ ...event, fence: 0 });
    state.historyBytes += Buffer.byteLength(event.frame);
  }
  if (effects.ackSeq !== undefined) ackInbox(state, effects.ackSeq);
  if (effects.meta?.['status'] !== undefined) state.status = String(effects.meta['status']);
  for (const change of effects.queue ?? []) {
    if (change.op === 'put') {
      state.queue.set(change.promptId, change.json);
      state.order.set(change.promptId, change.score);
    } else if (change.op === 'score') {
      if (state.order.has(change.promptId)) state.order.set(change.promptId, change.score);
    } else {
      state.order.delete(change.promptId);
      if (change.op === 'del') state.queue.delete(change.promptId);
    }
  }
  for (const change of effects.approvals ?? []) {
    if (change.op === 'open') state.approvals.set(change.approvalId, change.json);
    else state.approvals.delete(change.approvalId);
  }
  if (effects.snapshot !== undefined) {
    state.snapshot = effects.snapshot;
    const { trimBefore } = effects;
    if (trimBefore !== undefined) state.events = state.events.filter((event) => event.offset >= trimBefore);
  }
  const { trimHistory } = effects;
  if (trimHistory === undefined) return;
  state.history = state.history.filter((event) => event.offset >= trimHistory.before);
  state.historyBytes -= trimHistory.bytes;
}

function whyReset(
  state: ModelState,
  position: Position | null,
): 'new' | 'epoch' | 'ahead' | 'trimmed' | null {
  if (position === null) return 'new';
  if (position.epoch !== state.epoch) return 'epoch';
  if (position.offset > state.head) return 'ahead';
  if (position.offset === state.head) return null;
  return state.events.some((event) => event.offset === position.offset + 1) ? null : 'trimmed';
}

/** The frames that fit; one always does. */
function page(events: readonly ModelEvent[], maxBytes: number): string[] {
  const frames: string[] = [];
  let bytes = 0;
  for (const { frame } of events) {
    bytes += Buffer.byteLength(frame);
    if (bytes > maxBytes && frames.length > 0) break;
    frames.push(frame);
  }
  return frames;
}
