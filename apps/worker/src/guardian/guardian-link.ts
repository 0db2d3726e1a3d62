// The worker's end of the pipe to its guardian: keeps one running, tells it everything it must know.
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import spawn from 'cross-spawn';
import type { Logger } from '@holdfast/shared/runtime';
import type { WorkerIdentity } from '@holdfast/shared/store';
import { createDeferred, withDeadline } from '@holdfast/shared/util';
import { fileURLToPath } from 'node:url';
import { FromGuardian, type ToGuardian } from './messages.ts';

const READY_LIMIT_MS = 10_000;
/** A guardian that dies this often is not coming back: the worker must not go on without one. */
const MAX_RESTARTS = 3;

/** Variables of the worker's environment that the guardian needs to reach Redis. */
const PASSED = ['PATH', 'REDIS_URL', 'HOLDFAST_REDIS_PASSWORD', 'HOLDFAST_LOG_LEVEL'];

export interface GuardianLink {
  start(): Promise<void>;
  /** Redis has answered a heartbeat. */
  beat(): void;
  childStarted(sessionId: string, child: { readonly childId: string; readonly pid: number }): void;
  childGone(sessionId: string): void;
  thaw(sessionId: string): void;
  kill(sessionId: string): void;
  /** Ends the guardian; children that still live die with it. */
  stop(): Promise<void>;
}

export function createGuardianLink(options: {
  readonly identity: WorkerIdentity;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** Every child is stopped: each must be thawed or killed, once its ownership is known. */
  readonly onFrozen: () => void;
  /** The guardian can't be kept alive: the worker has to hand its sessions over and end. */
  readonly onLost: () => void;
}): GuardianLink {
  const { identity, logger } = options;
  const children = new Map<string, { readonly childId: string; readonly pid: number }>();
  let guardian: ChildProcess | null = null;
  let restarts = 0;
  let isStopping = false;

  function send(message: ToGuardian): void {
    if (guardian?.stdin?.writable === true) guardian.stdin.write(`${JSON.stringify(message)}\n`);
  }

  async function launch(): Promise<void> {
    const env = Object.fromEntries(PASSED.map((name) => [name, options.env[name]]));
    const script = fileURLToPath(new URL('main.ts', import.meta.url));
    const started = spawn(process.execPath, [script, identity.workerId, identity.incarnation], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env,
      detached: process.platform !== 'win32',
    });
    const ready = createDeferred<void>();
    started.stdin?.on('error', () => {});
    started.on('error', (error) => ready.reject(error));
    started.on('close', () => {
      ready.reject(new Error('the guardian ended before it was ready'));
      if (guardian === started) void replace();
    });
    if (started.stdout !== null) {
      createInterface({ input: started.stdout }).on('line', (line) => {
        const message = FromGuardian.safeParse(tryJson(line));
        if (!message.success) return;
        if (message.data.type === 'ready') ready.resolve();
        else options.onFrozen();
      });
    }
    await withDeadline(ready.promise, { limitMs: READY_LIMIT_MS, what: 'the start of the guardian' });
    guardian = started;
    for (const [sessionId, child] of children) send({ type: 'child', sessionId, ...child });
  }

  async function replace(): Promise<void> {
    guardian = null;
    if (isStopping) return;
    restarts += 1;
    logger.error({ restarts }, 'the guardian died and is started again');
    try {
      if (restarts > MAX_RESTARTS) throw new Error('the guardian died too often');
      await launch();
    } catch (error) {
      logger.fatal({ err: error }, 'no guardian can be kept: this worker drains');
      options.onLost();
    }
  }

  return {
    start: launch,
    beat: () => send({ type: 'beat' }),
    childStarted: (sessionId, child) => {
      children.set(sessionId, child);
      send({ type: 'child', sessionId, ...child });
    },
    childGone: (sessionId) => {
      children.delete(sessionId);
      send({ type: 'gone', sessionId });
    },
    thaw: (sessionId) => send({ type: 'thaw', sessionId }),
    kill: (sessionId) => send({ type: 'kill', sessionId }),
    stop: async () => {
      isStopping = true;
      const running = guardian;
      if (running === null || running.exitCode !== null || running.signalCode !== null) return;
      const closed = new Promise<void>((resolve) => running.once('close', () => resolve()));
      running.stdin?.end();
      await closed;
    },
  };
}

function tryJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null; // a log line of the guardian
  }
}
