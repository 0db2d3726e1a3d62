// Which parts there are, in which order they start, and what environment each one gets.
import { randomBytes } from 'node:crypto';
import type { ModelChoice } from '@holdfast/shared/runtime';
import { pathOfMachine, serverEnv, workerEnv, type UpConfig } from '../environment.ts';
import type { Layout } from '../layout.ts';
import type { StartGroups } from '../system.ts';
import { nodePart } from './node-part.ts';
import { redisPart, type PrivateRedis } from './redis-part.ts';

const WORKERS = ['worker-1', 'worker-2'];
const SERVER_STOP_MS = 5_000;

/** A worker lets running turns end for a while before it stops; below this it would be cut off in mid-drain. */
const WORKER_STOP_MS = 20_000;

export interface PartsContext {
  readonly checkout: string;
  readonly env: NodeJS.ProcessEnv;
  readonly config: UpConfig;
  readonly layout: Layout;
  readonly model: ModelChoice;
  readonly token: string;
  /** The private Redis to run, or the address of one that runs already. */
  readonly redis:
    | { readonly kind: 'private'; readonly server: PrivateRedis }
    | { readonly kind: 'external'; readonly url: string };
}

/** The parts, and the gateway's port once it is ready. */
export interface Catalogue {
  readonly groups: StartGroups;
  readonly gatewayPort: () => number;
}

export const GATEWAY = 'gateway';

/** Redis first, then gateway and demo model, then the workers, which need the demo model's port. */
export function catalogueOf(context: PartsContext): Catalogue {
  const { config } = context;
  const ports = { gateway: config.HOLDFAST_PORT, demo: ownDemoPort(context) };
  const common = (): NodeJS.ProcessEnv => commonEnv(context);
  const gateway = nodePart({
    name: GATEWAY,
    checkout: context.checkout,
    main: 'apps/gateway/src/main.ts',
    stopLimitMs: SERVER_STOP_MS,
    env: () => serverEnv(context.env, { ...common(), HOLDFAST_PORT: String(ports.gateway) }),
    describe: ({ port }) => {
      ports.gateway = port ?? ports.gateway;
      return gatewayUrl(config.HOLDFAST_HOST, ports.gateway);
    },
  });
  const demo = nodePart({
    name: 'demo-model',
    checkout: context.checkout,
    main: 'apps/demo-model/src/main.ts',
    stopLimitMs: SERVER_STOP_MS,
    env: () => {
      const own = { HOLDFAST_DEMO_MODEL_PORT: String(ports.demo), HOLDFAST_METRICS_PORT: undefined };
      return serverEnv(context.env, { ...common(), ...own });
    },
    describe: ({ port }) => {
      ports.demo = port ?? ports.demo;
      return `http://${config.HOLDFAST_DEMO_MODEL_HOST}:${ports.demo}`;
    },
  });
  const demoUrl = (): string =>
    config.HOLDFAST_DEMO_MODEL_URL ?? `http://${config.HOLDFAST_DEMO_MODEL_HOST}:${ports.demo}`;
  const workers = WORKERS.map((name, index) =>
    workerPart(context, {
      name,
      metricsPort: metricsPortAfter(config.HOLDFAST_METRICS_PORT, index + 1),
      demoUrl,
    }),
  );
  return {
    groups: [
      context.redis.kind === 'private' ? [redisPart(context.redis.server)] : [],
      runsOwnDemo(context) ? [gateway, demo] : [gateway],
      workers,
    ],
    gatewayPort: () => ports.gateway,
  };
}

/** The address as a browser on this machine opens it. */
export function gatewayUrl(host: string, port: number): string {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

interface WorkerSpec {
  readonly name: string;
  readonly metricsPort: number | undefined;
  readonly demoUrl: () => string;
}

/** The gateway has the port that was asked for, each worker the next one; 0 means any free one for all of them. */
function metricsPortAfter(port: number | undefined, steps: number): number | undefined {
  return port === undefined || port === 0 ? port : port + steps;
}

function workerPart(context: PartsContext, worker: WorkerSpec): ReturnType<typeof nodePart> {
  const { name, metricsPort, demoUrl } = worker;
  const demo = context.model.mode === 'demo';
  return nodePart({
    name,
    checkout: context.checkout,
    main: 'apps/worker/src/main.ts',
    stopLimitMs: WORKER_STOP_MS,
    env: () =>
      workerEnv(context.env, {
        ...commonEnv(context),
        // A killed worker's name stays taken until its lease is over, so each start has a name of its own.
        HOLDFAST_WORKER_ID: `${name}-${randomBytes(2).toString('hex')}`,
        // A person who presses Ctrl-C wants the end now, not when the turn is over.
        HOLDFAST_DRAIN_SECONDS: context.env['HOLDFAST_DRAIN_SECONDS'] ?? '0',
        HOLDFAST_METRICS_PORT: metricsPort?.toString(),
        ...(demo ? { HOLDFAST_DEMO_MODEL_URL: demoUrl() } : {}),
      }),
    describe: () => `takes sessions, up to ${context.config.HOLDFAST_MAX_CHILDREN} at a time`,
  });
}

function commonEnv(context: PartsContext): NodeJS.ProcessEnv {
  const { redis, config } = context;
  const redisEnv =
    redis.kind === 'private'
      ? { REDIS_URL: redis.server.socket, HOLDFAST_REDIS_PASSWORD: redis.server.password }
      : { REDIS_URL: redis.url, HOLDFAST_REDIS_PASSWORD: config.HOLDFAST_REDIS_PASSWORD };
  return {
    ...redisEnv,
    PATH: pathOfMachine(context.env['PATH'], context.checkout),
    HOLDFAST_DATA_DIR: context.layout.dataDir,
    HOLDFAST_TOKEN: context.token,
  };
}

/** A named demo model is somebody else's to run. */
function runsOwnDemo(context: PartsContext): boolean {
  return context.model.mode === 'demo' && context.config.HOLDFAST_DEMO_MODEL_URL === undefined;
}

/** Any free port, unless one was asked for. */
function ownDemoPort(context: PartsContext): number {
  return (context.env['HOLDFAST_DEMO_MODEL_PORT'] ?? '') === '' ? 0 : context.config.HOLDFAST_DEMO_MODEL_PORT;
}
