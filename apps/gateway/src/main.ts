// The gateway as a process of its own.
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { runMain } from '@holdfast/shared/runtime';
import {
  checkStore,
  createApprovalStore,
  createAuditLog,
  createUploads,
  createCommandInbox,
  createCredentials,
  createEventLog,
  createGatheringRedis,
  createLoginAttempts,
  createPlacementQueue,
  createSessionRoles,
  createSessionStore,
  createSubscriber,
  createSubscriberRedis,
  createUserPlaces,
  createWorkerRegistry,
  probeChannel,
} from '@holdfast/shared/store';
import { buildGateway } from './app.ts';
import { READ_FOR_AUTH, setUpAuth } from './auth/setup.ts';
import { createUserLimits, limitSettings } from './limits/user-limits.ts';
import { createSessionService } from './sessions/session-service.ts';
import { watchMemory } from './sessions/memory-notice.ts';
import { createMemoryGate } from './sessions/storage.ts';
import { READ_FOR_UPLOADS, uploadLimits } from './sessions/uploads.ts';
import { openWorkspaceRoots, workspaceRootsOf } from './sessions/workspace.ts';

const READ_BY_GATEWAY = [
  'REDIS_URL',
  'HOLDFAST_REDIS_PASSWORD',
  'HOLDFAST_HOST',
  'HOLDFAST_PORT',
  ...READ_FOR_AUTH,
  'HOLDFAST_TRUSTED_PROXIES',
  'HOLDFAST_MAX_CONNECTIONS',
  'HOLDFAST_MAX_SESSIONS',
  'HOLDFAST_MAX_BUSY_SESSIONS',
  'HOLDFAST_MAX_COMMANDS',
  ...READ_FOR_UPLOADS,
  'HOLDFAST_WORKSPACE_ROOTS',
  'HOLDFAST_DATA_DIR',
  'HOLDFAST_WEB_DIR',
] as const;

/** Where `apps/web` builds the page. */
const BUILT_PAGE = fileURLToPath(new URL('../../web/dist', import.meta.url));

await runMain({ part: 'gateway', variables: READ_BY_GATEWAY }, async ({ config, logger, shutdown }) => {
  const roots = await openWorkspaceRoots(config.HOLDFAST_WORKSPACE_ROOTS, config.HOLDFAST_DATA_DIR);
  const address = { url: config.REDIS_URL, password: config.HOLDFAST_REDIS_PASSWORD };
  const redis = createGatheringRedis(address, logger, 'gateway');
  shutdown.add({ name: 'redis', limitMs: 1_000, stop: () => redis.disconnect() });
  const store = createSessionStore(redis);
  const settings = limitSettings(config, { isTeam: config.HOLDFAST_AUTH === 'team' });
  const limits = createUserLimits({ redis, store, places: createUserPlaces(redis), settings });
  const { authenticator, tls, isTeam, isAdmin, oidc } = await setUpAuth(config, {
    credentials: createCredentials(redis),
    logins: limits,
    attempts: createLoginAttempts(redis),
  });
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
    ...{ store, limits },
    roles,
    inbox: createCommandInbox(redis),
    approvals: createApprovalStore(redis),
    uploads: { store: createUploads(redis), limits: uploadLimits(config) },
    log,
    registry: createWorkerRegistry(redis),
    placement,
    memory: createMemoryGate(redis),
    rootsOf: workspaceRootsOf(roots, { isTeam }),
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
    ...{ authenticator, tls, oidc, hasLoginLink: !isTeam, isAdmin, limits },
    auditLog: createAuditLog(redis),
    trustedProxies: config.HOLDFAST_TRUSTED_PROXIES ?? [],
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
