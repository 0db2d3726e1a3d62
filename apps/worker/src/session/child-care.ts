// When a child may start and when an idle one stops: places, the idle timer, memory, pauses between restarts.
// Decides nothing about turns or commands; the session's loop asks and tells.
import type { SessionId } from '@holdfast/shared/protocol';
import { treeMemoryBytes } from '../process/memory.ts';
import type { Admission } from './admission.ts';
import type { ChildHost } from './child-host.ts';
import type { EventWriter } from './event-writer.ts';
import { RestartPause } from './restart-pause.ts';

export interface ChildLimits {
  /** How long an idle child stays warm; 0: for ever. */
  readonly idleMs: number;
  /** A child that uses more is started anew between turns; 0: no limit. */
  readonly memoryBytes: number;
  /** Silence of the CLI in a turn that people are told of; 0: none. */
  readonly stallMs: number;
}

export interface ChildCareDeps {
  readonly sessionId: SessionId;
  readonly child: ChildHost;
  readonly writer: EventWriter;
  /** Places for children, shared by all sessions of the worker. */
  readonly admission: Admission;
  readonly limits: ChildLimits;
  /** A place came free, or the pause before a restart is over. */
  readonly onMayStart: () => void;
}

/** Longest time a timer can wait (a signed 32-bit number of ms). */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Reading the memory of a tree looks at every process of the machine: not while a next prompt may be on its way. */
const MEMORY_AFTER_MS = 500;

export class ChildCare {
  readonly #deps: ChildCareDeps;
  readonly #restart = new RestartPause();
  #idleTimer: NodeJS.Timeout | null = null;
  #memoryTimer: NodeJS.Timeout | null = null;
  #restTimer: NodeJS.Timeout | null = null;
  /** When the child became idle, ms of the monotonic clock; null while it is not. */
  #idleSince: number | null = null;
  #isParking = false;

  constructor(deps: ChildCareDeps) {
    this.#deps = deps;
  }

  /** Since when the child has had nothing to do; null when there is none or it is busy. */
  get idleSince(): number | null {
    return this.#idleSince;
  }

  /** Whether a child may start now. If it has to wait for a place, people see its position. */
  mayStart(): boolean {
    if (this.#restTimer !== null) return false;
    return this.#deps.admission.enter({
      sessionId: this.#deps.sessionId,
      onGranted: this.#deps.onMayStart,
      onPosition: (position) => {
        const text = `Waiting for a free place on the workers: position ${position}.`;
        this.#deps.writer.push([{ type: 'notice', kind: 'waiting', text, data: { position } }]);
      },
    });
  }

  /** Told after each step whether the child has nothing to do: arms or disarms the idle timer. */
  watch(isIdle: boolean): void {
    if (!isIdle) return this.#clearIdle();
    if (this.#idleSince !== null) return;
    this.#idleSince = performance.now();
    const { idleMs } = this.#deps.limits;
    if (idleMs > 0) {
      this.#idleTimer = setTimeout(() => this.park('idle'), Math.min(idleMs, MAX_TIMER_MS));
      this.#idleTimer.unref();
    }
    this.#deps.admission.idle();
    if (this.#deps.limits.memoryBytes > 0) {
      this.#memoryTimer = setTimeout(() => void this.#watchMemory(), MEMORY_AFTER_MS);
      this.#memoryTimer.unref();
    }
  }

  /** Stops an idle child so that the session can be put to rest; false when it is not idle. */
  park(reason: string): boolean {
    if (this.#idleSince === null || this.#isParking) return false;
    this.#isParking = true;
    this.#clearIdle();
    void this.#deps.child.end(reason, true);
    return true;
  }

  turnSucceeded(): void {
    this.#restart.succeeded();
  }

  /** The child is gone: its place is free. Returns whether it was parked. */
  ended(): boolean {
    const wasParked = this.#isParking;
    this.#isParking = false;
    this.#clearIdle();
    this.#deps.admission.leave(this.#deps.sessionId);
    return wasParked;
  }

  /** The child ended although nobody asked: one that keeps doing so is started more and more slowly, visibly. */
  backOff(): void {
    const pauseMs = this.#restart.failed();
    if (pauseMs === 0) return;
    const { failures } = this.#restart;
    const text = `Claude Code ended ${failures} times in a row; the next start is in ${pauseMs / 1_000} s.`;
    this.#deps.writer.push([{ type: 'notice', kind: 'warning', text, data: { pauseMs, failures } }]);
    this.#restTimer = setTimeout(() => {
      this.#restTimer = null;
      this.#deps.onMayStart();
    }, pauseMs);
  }

  /** The session is over for this worker. */
  stop(): void {
    this.#clearIdle();
    if (this.#restTimer !== null) clearTimeout(this.#restTimer);
    this.#deps.admission.leave(this.#deps.sessionId);
  }

  #clearIdle(): void {
    this.#idleSince = null;
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
    if (this.#memoryTimer !== null) clearTimeout(this.#memoryTimer);
    this.#memoryTimer = null;
  }

  /** Between turns is the moment to start a child anew that has grown too big. */
  async #watchMemory(): Promise<void> {
    const { limits, child } = this.#deps;
    const root = child.root;
    if (root === undefined) return;
    const bytes = await treeMemoryBytes(root.pid, root.childId);
    if (bytes > limits.memoryBytes && this.#idleSince !== null) await child.end('memory_limit', true);
  }
}
