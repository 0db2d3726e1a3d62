// The gateway as a process of its own.
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ConfigError, runMain } from '@holdfast/shared/runtime';
import {
  checkStore,
  createApprovalStore,
  createUploads,
  createCommandInbox,
  createEventLog,
  createGatheringRedis,
  createPlacementQueue,
  createSessionRoles,
  createSessionStore,
  createSubscriber,
  createSubscriberRedis,
  createWorkerRegistry,
  probeChannel,
} from '@holdfast/shared/store';
import { buildGateway } from './app.ts';
import { createTokenAuthenticator } from './auth/token.ts';
import { createSessionService } from './sessions/session-service.ts';
import { watchMemory } from './sessions/memory-notice.ts';
import { createMemoryGate } from './sessions/storage.ts';
import { openWorkspaceRoots } from './sessions/workspace.ts';

const READ_BY_GATEWAY = [
  'REDIS_URL',
  'HOLDFAST_REDIS_PASSWORD',
  'HOLDFAST_HOST',
  'HOLDFAST_PORT',
  'HOLDFAST_TOKEN',
  'HOLDFAST_WORKSPACE_ROOTS',
  'HOLDFAST_DATA_DIR',
  'HOLDFAST_WEB_DIR',
] as const;

/** Where `apps/web` builds the page. */
const BUILT_PAGE = fileURLToPath(new URL('../../web/dist', import.meta.url));

await runMain({ part: 'gateway', variables: READ_BY_GATEWAY }, async ({ config, logger, shutdown }) => {
  const token = config.HOLDFAST_TOKEN;
  if (token === undefined) {
    throw new ConfigError([
      'HOLDFAST_TOKEN is not set: the gateway needs the access token that clients send.',
    ]);
  }
  const roots = await openWorkspaceRoots(config.HOLDFAST_WORKSPACE_ROOTS, config.HOLDFAST_DATA_DIR);
  const address = { url: config.REDIS_URL, password: config.HOLDFAST_REDIS_PASSWORD };
  const redis = createGatheringRedis(address, logger, 'gateway');
  shutdown.add({ name: 'redis', limitMs: 1_000, stop: () => redis.disconnect() });
  await checkStore(redis);
  const placement = createPlacementQueue(address, logger);
  shutdown.add({ name: 'placement queue', limitMs: 2_000, stop: async () => placement.close() });
  const subscriber = createSubscriber(createSubscriberRedis(address, logger, 'gateway-live'), logger, {
    channel: probeChannel(randomUUID()),
    commands: redis,
  });
  shutdown.add({ name: 'subscriber', limitMs: 1_000, stop: () => subscriber.close() });

  const log = createEventLog(redis);
  const roles = createSessionRoles(redis);
  const sessions = createSessionService({
    store: createSessionStore(redis),
    roles,
    inbox: createCommandInbox(redis),
    approvals: createApprovalStore(redis),
    uploads: createUploads(redis),
    log,
    registry: createWorkerRegistry(redis),
    placement,
    memory: createMemoryGate(redis),
    roots,
    logger,
  });
  const memory = await watchMemory({ redis, logger });
  shutdown.add({ name: 'memory notice', limitMs: 100, stop: () => memory.close() });
  const gateway = buildGateway({
    warnings: () => [memory.current()].filter((notice) => notice !== null),
    redis,
    subscriber,
    log,
    sessions,
    roles,
    authenticator: createTokenAuthenticator(token),
    logger,
    webDir: config.HOLDFAST_WEB_DIR ?? BUILT_PAGE,
  });
  shutdown.add({ name: 'gateway', limitMs: 5_000, stop: async () => gateway.drain() });
  await gateway.app.listen({ host: config.HOLDFAST_HOST, port: config.HOLDFAST_PORT });
  const listening = gateway.app.server.address();
  const port = typeof listening === 'object' && listening !== null ? listening.port : config.HOLDFAST_PORT;
  logger.info({ host: config.HOLDFAST_HOST, port }, 'the gateway is ready');
  return { port };
});
