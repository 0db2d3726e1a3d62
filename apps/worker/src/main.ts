// The worker's process: configuration, connections, signals. The only file here that reads the environment.
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';
import { WorkerId } from '@holdfast/shared/protocol';
import { chooseModel, findClaude, runMain, type Logger } from '@holdfast/shared/runtime';
import {
  checkStore,
  createApprovalStore,
  createCommandInbox,
  createGatheringRedis,
  createEventLog,
  createPlacementQueue,
  createSessionStore,
  createSubscriber,
  createSubscriberRedis,
  createUploads,
  createUserRules,
  createUserTrust,
  createWorkerRegistry,
  readServerInfo,
  type Redis,
} from '@holdfast/shared/store';
import { buildWorker } from './app.ts';
import { createClaimNotes } from './claim/claim-notes.ts';
import { LEASE_MS } from './claim/lease-keeper.ts';
import { LeaseTerm } from './claim/lease-term.ts';
import { startProviderProxy } from './agent/provider-proxy.ts';
import type { McpBridge } from './approvals/mcp-bridge.ts';
import { readPolicy } from './approvals/policy.ts';
import type { ApprovalEnvironment } from './approvals/session-approvals.ts';
import { startHousekeeper } from './housekeeping/start.ts';
import { planContainment } from './process/containment.ts';
import type { ChildLimits } from './session/child-care.ts';
import { createColdStarts } from './session/cold-starts.ts';

const VERSION = '0.1.0';
/** Long enough for children to end by the ladder (about 1.5 s) on a busy machine. */
const STOP_LIMIT_MS = 15_000;

await runMain(
  {
    part: 'worker',
    variables: [
      'REDIS_URL',
      'HOLDFAST_REDIS_PASSWORD',
      'HOLDFAST_DATA_DIR',
      'HOLDFAST_WORKER_ID',
      'HOLDFAST_MODEL',
      'HOLDFAST_DEMO_MODEL_URL',
      'HOLDFAST_CLAUDE_CONFIG_DIR',
      'HOLDFAST_CONTAINMENT',
      'HOLDFAST_MAX_CHILDREN',
      'HOLDFAST_DRAIN_SECONDS',
      'HOLDFAST_IDLE_MINUTES',
      'HOLDFAST_RETENTION_DAYS',
      'HOLDFAST_HOUSEKEEPING_MINUTES',
      'HOLDFAST_CHILD_MEMORY_MB',
      'HOLDFAST_POLICY',
      'HOLDFAST_APPROVALS',
      'HOLDFAST_STALL_SECONDS',
      'CLAUDE_PATH',
    ],
  },
  async ({ config, logger, shutdown, stop }) => {
    const uid = process.getuid?.() ?? -1;
    const model = chooseModel(process.env);
    if (model.mode === 'demo' && config.HOLDFAST_DEMO_MODEL_URL === undefined) {
      throw new Error(
        'The demo model is to answer, but HOLDFAST_DEMO_MODEL_URL is not set. Set it to where apps/demo-model listens, or set credentials (ANTHROPIC_API_KEY) for a real model.',
      );
    }
    await mkdir(config.HOLDFAST_DATA_DIR, { recursive: true });
    const workerId = WorkerId.parse(config.HOLDFAST_WORKER_ID ?? `${hostname()}-${randomUUID().slice(0, 8)}`);
    const address = { url: config.REDIS_URL, password: config.HOLDFAST_REDIS_PASSWORD };
    const redis = createGatheringRedis(address, logger, `worker:${workerId}`);
    shutdown.add({ name: 'redis', limitMs: 1_000, stop: () => redis.disconnect() });
    await checkStore(redis);
    let runId: string | null = (await readServerInfo(redis)).runId;
    redis.on('close', () => (runId = null));
    redis.on('ready', () => {
      void readServerInfo(redis).then(
        (info) => (runId = info.runId),
        (error: unknown) => logger.warn({ err: error }, 'reading the server info failed'),
      );
    });
    const subscriber = createSubscriber(
      createSubscriberRedis(address, logger, `worker-sub:${workerId}`),
      logger,
    );
    shutdown.add({ name: 'subscriber', limitMs: 1_000, stop: () => subscriber.close() });
    const placement = createPlacementQueue(address, logger);
    shutdown.add({ name: 'placement queue', limitMs: 2_000, stop: async () => placement.close() });
    const claude = findClaude(process.env);
    const containment = await planContainment(config.HOLDFAST_CONTAINMENT, uid);
    logger.info({ claude, containment, model: model.mode }, 'children will run like this');
    const term = new LeaseTerm(LEASE_MS, () => performance.now());
    const bridge = config.HOLDFAST_APPROVALS === 'mcp' ? await startBridge(logger) : null;
    shutdown.add({ name: 'approval bridge', limitMs: 1_000, stop: async () => bridge?.close() });
    const provider = model.mode === 'real' ? await startProviderProxy(process.env, logger) : null;
    shutdown.add({ name: 'provider proxy', limitMs: 1_000, stop: async () => provider?.close() });
    const policy = await readPolicy(config.HOLDFAST_POLICY);
    const worker = buildWorker({
      ...{ address, placement, subscriber, logger, term },
      notes: createClaimNotes(config.HOLDFAST_DATA_DIR, logger),
      sessions: createSessionStore(redis),
      registry: createWorkerRegistry(redis),
      log: createEventLog(redis, () => term.until()),
      inbox: createCommandInbox(redis),
      uploads: createUploads(redis),
      approvals: approvalEnvironment(redis, { policy, bridge }),
      redisRunId: () => runId,
      identity: { workerId, incarnation: randomUUID() },
      environment: {
        claudePath: claude.status === 'found' ? claude.path : null,
        findCliProblem: () => {
          const found = findClaude(process.env);
          return found.status === 'missing' ? found.problem : null;
        },
        containment,
        modelSource: model.mode,
        demoModelUrl: model.mode === 'demo' ? (config.HOLDFAST_DEMO_MODEL_URL ?? null) : null,
        workerEnv: process.env,
        provider,
        isRoot: uid === 0,
        coldStarts: createColdStarts(availableParallelism()),
      },
      dataDir: config.HOLDFAST_DATA_DIR,
      seedDir: config.HOLDFAST_CLAUDE_CONFIG_DIR,
      maxChildren: config.HOLDFAST_MAX_CHILDREN,
      limits: childLimits(config),
      drainMs: config.HOLDFAST_DRAIN_SECONDS * 1_000,
      onFatal: (reason) => stop(reason, 1),
      about: { version: VERSION, hostname: hostname(), pid: process.pid },
    });
    const limitMs = STOP_LIMIT_MS + config.HOLDFAST_DRAIN_SECONDS * 1_000;
    shutdown.add({ name: 'worker', limitMs, stop: async () => worker.stop() });
    redis.on('ready', () => worker.reconnected());
    await worker.start();
    const housekeeping = await startHousekeeper({ address, redis, placement, logger, config });
    shutdown.add({ name: 'housekeeping', limitMs: 5_000, stop: async () => housekeeping.close() });
    return { workerId };
  },
);

/** Its library is loaded only where it is wanted: the others start faster without it. */
async function startBridge(logger: Logger): Promise<McpBridge> {
  const { startMcpBridge } = await import('./approvals/mcp-bridge.ts');
  return startMcpBridge(logger);
}

function approvalEnvironment(
  redis: Redis,
  given: Pick<ApprovalEnvironment, 'policy' | 'bridge'>,
): ApprovalEnvironment {
  return {
    store: createApprovalStore(redis),
    userRules: createUserRules(redis),
    trust: createUserTrust(redis),
    ...given,
  };
}

function childLimits(
  config: Readonly<
    Record<'HOLDFAST_CHILD_MEMORY_MB' | 'HOLDFAST_IDLE_MINUTES' | 'HOLDFAST_STALL_SECONDS', number>
  >,
): ChildLimits {
  return {
    idleMs: config.HOLDFAST_IDLE_MINUTES * 60_000,
    memoryBytes: config.HOLDFAST_CHILD_MEMORY_MB * 1024 * 1024,
    stallMs: config.HOLDFAST_STALL_SECONDS * 1_000,
  };
}
