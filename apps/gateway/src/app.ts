// The gateway: HTTP API, WebSocket, SSE. It holds no session state: everything durable is in Redis.
// Never listens and never connects by itself.
import proxyAddress, { compile } from '@fastify/proxy-addr';
import type { FastifyInstance } from 'fastify';
import type { UserId } from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import {
  createCredentials,
  createUserRules,
  type AuditLog,
  type EventLog,
  type Redis,
  type SessionRoles,
  type Subscriber,
} from '@holdfast/shared/store';
import { AccessWatch } from './access/access-watch.ts';
import { createAudit } from './access/audit.ts';
import type { Authenticator } from './auth/identity.ts';
import type { OidcLogin } from './auth/oidc.ts';
import type { TlsFiles } from './auth/setup.ts';
import { DrainWatch } from './feed/drain-watch.ts';
import type { FollowerDeps } from './feed/follower.ts';
import { Hubs } from './feed/hubs.ts';
import { createRetry } from './feed/retry.ts';
import { createSlots } from './limits/slots.ts';
import type { UserLimits } from './limits/user-limits.ts';
import { createPageFiles } from './page/page-files.ts';
import { addApprovalRoutes } from './routes/approvals.ts';
import { addAuditRoute } from './routes/audit.ts';
import { addEventsRoute } from './routes/events.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addHistoryRoute } from './routes/history.ts';
import { addErrorHandling, addJsonBodies } from './routes/request-context.ts';
import { addKeyRoutes } from './routes/keys.ts';
import { addLoginRoutes } from './routes/login.ts';
import { addOidcRoutes } from './routes/oidc.ts';
import { addSessionRoutes } from './routes/sessions.ts';
import { addUploadRoute } from './routes/uploads.ts';
import { addPages } from './routes/status-page.ts';
import { createServer } from './server.ts';
import { auditedSessions } from './sessions/audited-sessions.ts';
import type { SessionService } from './sessions/session-service.ts';
import { MAX_FRAME_BYTES } from './ws/connection.ts';
import { createKeepalive } from './ws/keepalive.ts';
import { createWebSocketDoor } from './ws/upgrade.ts';

/** More replays at once gain nothing on one Redis connection, and cost memory. */
const MAX_REPLAYS = 64;

export interface GatewayDeps {
  readonly redis: Redis;
  readonly subscriber: Subscriber;
  readonly log: EventLog;
  readonly sessions: SessionService;
  readonly limits: UserLimits;
  readonly auditLog: AuditLog;
  /** Who may read the audit trail. */
  readonly isAdmin: (userId: UserId) => boolean;
  readonly roles: SessionRoles;
  readonly authenticator: Authenticator;
  /** Logging in at an identity provider. */
  readonly oidc?: OidcLogin | undefined;
  /** Whether a token may log in by a link. */
  readonly hasLoginLink: boolean;
  /** Certificate and key in PEM; without them the gateway speaks plain HTTP. */
  readonly tls?: TlsFiles | undefined;
  /** Addresses and networks of proxies in front, whose word about the caller's address counts. */
  readonly trustedProxies?: readonly string[];
  readonly logger: Logger;
  /** What people should know although requests are served: a sentence each. */
  readonly warnings: () => readonly string[];
  /** Folder of the built web client; it may be missing, or come later. */
  readonly webDir: string;
  /** A monotonic clock in ms. */
  readonly now?: () => number;
}

/** One address of the HTTP API. */
export interface Route {
  readonly method: string;
  readonly url: string;
}

export interface Gateway {
  readonly app: FastifyInstance;
  /** Every route there is, as it was registered; `HEAD` goes with `GET`. */
  readonly routes: readonly Route[];
  /** Not ready from now on; tells all clients to go, closes them, then the server. */
  drain(): Promise<void>;
}

export function buildGateway(deps: GatewayDeps): Gateway {
  const { redis, subscriber, log, authenticator, logger, auditLog } = deps;
  const audit = createAudit(auditLog, logger);
  const sessions = auditedSessions(deps.sessions, audit);
  const now = deps.now ?? (() => performance.now());
  let isDraining = false;
  const app = createServer({
    ...{ logger, maxBodyBytes: MAX_FRAME_BYTES, tls: deps.tls },
    trustedProxies: deps.trustedProxies ?? [],
    basePath: authenticator.address.basePath,
  });
  const routes: Route[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) if (one !== 'HEAD') routes.push({ method: one, url });
  });
  const retry = createRetry(logger);
  const hubs = new Hubs({ subscriber, log, retry, logger, now });
  const keepalive = createKeepalive(now);
  const drains = new DrainWatch();
  const replaySlots = createSlots(MAX_REPLAYS);
  const follower: FollowerDeps = { hubs, log, replaySlots, drains, retry, now };
  const access = new AccessWatch({ roles: deps.roles, authenticator, subscriber, logger });
  const trusted = compile([...(deps.trustedProxies ?? [])]);
  const door = createWebSocketDoor({
    ...{ authenticator, access, sessions, follower, keepalive, logger, now, limits: deps.limits },
    addressOf: (request) => proxyAddress(request, trusted),
  });

  // Whoever keeps connections open for later calls opens the next one to another gateway.
  app.addHook('onSend', async (_request, reply) => {
    if (isDraining) reply.header('connection', 'close');
  });
  addErrorHandling(app, logger);
  addJsonBodies(app);
  addHealthRoutes(app, { redis, subscriber, isDraining: () => isDraining, warnings: deps.warnings });
  addPages(app, { sessions, authenticator, page: createPageFiles(deps.webDir) });
  addSessionRoutes(app, { sessions, log, authenticator });
  addUploadRoute(app, { sessions, authenticator });
  addApprovalRoutes(app, { sessions, authenticator, rules: createUserRules(redis) });
  const credentials = createCredentials(redis);
  addLoginRoutes(app, { authenticator, credentials, audit, hasLoginLink: deps.hasLoginLink });
  if (deps.oidc !== undefined) {
    addOidcRoutes(app, { authenticator, credentials, audit, hasLoginLink: false }, deps.oidc);
  }
  addKeyRoutes(app, { authenticator, credentials, audit });
  addAuditRoute(app, { authenticator, auditLog, isAdmin: deps.isAdmin });
  addHistoryRoute(app, { sessions, log, authenticator });
  const streams = addEventsRoute(app, { sessions, authenticator, follower, access });
  app.server.on('upgrade', (request, socket, head) => door.handleUpgrade(request, socket, head));

  return {
    app,
    routes,
    drain: async () => {
      isDraining = true;
      await door.drain();
      streams.closeAll();
      keepalive.close();
      access.close();
      deps.limits.close();
      await app.close();
      hubs.close();
    },
  };
}
