// The guardian: a small process beside each worker. It stops the worker's children when the worker does not beat,
// ends them when the worker is gone, and then ends the worker's lease, so that others take over at once.
// It reads its orders from stdin; the end of stdin is the end of the worker.
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { createLogger, loadConfig } from '@holdfast/shared/runtime';
import { withDeadline } from '@holdfast/shared/util';
import { processTree, signalAll } from '../process/process-tree.ts';
import { initialGuardian, onMessage, onTick, type GuardianStep } from './guardian-state.ts';
import { ToGuardian, type FromGuardian } from './messages.ts';

/** A paused guardian notices at its next tick that time has passed: this is how late it can be. */
const TICK_MS = 200;
/** A tree may grow while it is being stopped: looked at again until nothing new is found. */
const MAX_PASSES = 20;
const RETIRE_LIMIT_MS = 3_000;
const KILL_PAUSE_MS = 20;

const [workerId = '', incarnation = ''] = process.argv.slice(2);
const config = loadConfig(process.env, ['REDIS_URL', 'HOLDFAST_REDIS_PASSWORD', 'HOLDFAST_LOG_LEVEL']);
const logger = createLogger({ part: 'guardian', level: config.HOLDFAST_LOG_LEVEL, to: 'stderr' });

let state = initialGuardian(performance.now());
let work: Promise<void> = Promise.resolve();

// The terminal's Ctrl-C and the supervisor's SIGTERM are for the worker; its end is our signal.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// The worker may be gone when we speak.
process.stdout.on('error', () => {});

function say(message: FromGuardian): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function apply(step: GuardianStep): void {
  state = step.state;
  if (step.effects.length === 0) return;
  const isFreeze = step.effects.some((effect) => effect.signal === 'SIGSTOP');
  work = work.then(async () => {
    for (const effect of step.effects) await signalTree(effect.pid, effect.childId, effect.signal);
    if (isFreeze) {
      logger.warn({ children: step.effects.length }, 'no beat from the worker: its children are stopped');
      say({ type: 'frozen' });
    }
  });
}

/** Signals a whole tree, again until no process of it is new. */
async function signalTree(pid: number, childId: string, signal: NodeJS.Signals): Promise<void> {
  const done = new Set<number>();
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    const fresh = (await processTree(pid, childId)).filter((member) => !done.has(member));
    if (fresh.length === 0) return;
    signalAll(fresh, signal);
    for (const member of fresh) done.add(member);
  }
}

async function killAll(): Promise<void> {
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    let left = 0;
    for (const child of state.children.values()) {
      const living = await processTree(child.pid, child.childId);
      left += living.length;
      signalAll(living, 'SIGKILL');
    }
    if (left === 0) return;
    await pause(KILL_PAUSE_MS);
  }
  logger.error({}, 'some processes of the children could not be ended');
}

async function retire(): Promise<void> {
  // Loaded only now: a guardian that waits is a third of the size without it.
  const { createCommandRedis, createWorkerRegistry } = await import('@holdfast/shared/store');
  const { WorkerId } = await import('@holdfast/shared/protocol');
  const address = { url: config.REDIS_URL, password: config.HOLDFAST_REDIS_PASSWORD };
  const redis = createCommandRedis(address, logger, `guardian:${workerId}`);
  try {
    const registry = createWorkerRegistry(redis);
    const retiring = registry.retire({ workerId: WorkerId.parse(workerId), incarnation });
    await withDeadline(retiring, { limitMs: RETIRE_LIMIT_MS, what: 'ending the lease' });
  } catch (error) {
    logger.warn({ err: error }, 'the lease could not be ended: it runs out by itself');
  } finally {
    redis.disconnect();
  }
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => apply(onMessage(state, ToGuardian.parse(JSON.parse(line)), performance.now())));
const ticker = setInterval(() => apply(onTick(state, performance.now())), TICK_MS);
// Its work done, it ends by a signal: an orderly exit was seen to hang in the runtime's own clean-up.
lines.on('close', () => {
  clearInterval(ticker);
  void work
    .then(killAll)
    .then(retire)
    .finally(() => process.kill(process.pid, 'SIGKILL'));
});
say({ type: 'ready' });
