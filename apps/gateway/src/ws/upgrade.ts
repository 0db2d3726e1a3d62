// The door for WebSockets: path, origin, subprotocol and draining are checked before a socket exists; then the
// connections are kept until they end or the gateway drains.
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import {
  ConnectionId,
  errorCatalogue,
  mintId,
  ServiceError,
  toWireError,
  WEBSOCKET_SUBPROTOCOL,
} from '@holdfast/shared/protocol';
import { metrics } from '@holdfast/shared/runtime';
import { identityOfRequest } from '../auth/credentials.ts';
import type { Identity } from '../auth/identity.ts';
import { withoutBasePath } from '../auth/public-address.ts';
import { stored } from '../sessions/storage.ts';
import { Connection, MAX_FRAME_BYTES, type ConnectionDeps } from './connection.ts';

const PATH = '/v1/ws';
/** Between this and the frame limit an oversized frame is still answered by an error frame before the close. */
const HARD_LIMIT_BYTES = 2 * MAX_FRAME_BYTES;
/** Time for `goingAway` to reach the clients before the sockets close. */
const GOING_AWAY_GRACE_MS = 300;
/** A command that Redis does not answer holds the end up for this long, then its sender is left to repeat it. */
const ANSWER_LIMIT_MS = 2_000;
/** Reconnects per second that the other gateways are asked to take. */
const RECONNECTS_PER_SECOND = 1_000;
const MIN_SPREAD_MS = 250;

export interface WebSocketDoor {
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  readonly connections: ReadonlySet<Connection>;
  /** Takes nothing new, tells every client when to come back, and closes all connections. */
  drain(): Promise<void>;
}

export interface WebSocketDoorDeps extends ConnectionDeps {
  /** The address of whoever sent a request. */
  readonly addressOf: (request: IncomingMessage) => string;
}

export function createWebSocketDoor(deps: WebSocketDoorDeps): WebSocketDoor {
  const connections = new Set<Connection>();
  let isDraining = false;
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: HARD_LIMIT_BYTES,
    clientTracking: false,
    handleProtocols: (offered) => (offered.has(WEBSOCKET_SUBPROTOCOL) ? WEBSOCKET_SUBPROTOCOL : false),
  });
  const accept = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const address = deps.addressOf(request);
    const presented = await checkUpgrade(request, deps, address);
    if (isDraining) throw new ServiceError('going_away');
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const connectionId = ConnectionId.parse(mintId());
      const onClosed = (connection: Connection): void => {
        if (connections.delete(connection)) metrics.connections.dec({ kind: 'ws' });
      };
      metrics.connections.inc({ kind: 'ws' });
      connections.add(
        new Connection(deps, {
          socket: webSocket,
          stream: socket,
          connectionId,
          presented,
          address,
          onClosed,
        }),
      );
    });
  };
  return {
    connections,
    handleUpgrade: (request, socket, head) => {
      socket.on('error', () => socket.destroy());
      accept(request, socket, head).catch((error: unknown) => refuse(socket, error));
    },
    drain: async () => {
      isDraining = true;
      if (connections.size === 0) return;
      const spreadMs = Math.max(MIN_SPREAD_MS, (connections.size / RECONNECTS_PER_SECOND) * 1000);
      for (const connection of connections) connection.announceEnd(Math.floor(Math.random() * spreadMs));
      await pause(GOING_AWAY_GRACE_MS);
      const answered = Promise.all([...connections].map(async (connection) => connection.answered()));
      await Promise.race([answered, pause(ANSWER_LIMIT_MS, undefined, { ref: false })]);
      for (const connection of connections) connection.closeForDrain();
      server.close();
    },
  };
}

/** Whom the upgrade's credential belongs to, if one came. Throws ServiceError for what may not become a WebSocket. */
async function checkUpgrade(
  request: IncomingMessage,
  deps: ConnectionDeps,
  address: string,
): Promise<Identity | undefined> {
  const { basePath } = deps.authenticator.address;
  const path = withoutBasePath(request.url ?? '', basePath).split('?', 1)[0];
  if (path !== PATH) throw new ServiceError('not_found');
  const offered = request.headers['sec-websocket-protocol'];
  const protocols = offered?.split(',').map((name) => name.trim());
  if (protocols !== undefined && !protocols.includes(WEBSOCKET_SUBPROTOCOL)) {
    throw new ServiceError('unsupported_version');
  }
  return stored(async () => identityOfRequest(request.headers, deps.authenticator, address));
}

/** Answers an upgrade that is refused, with the same body as any HTTP error. */
function refuse(socket: Duplex, error: unknown): void {
  const wire = toWireError(error);
  const status = error instanceof ServiceError ? errorCatalogue[error.code].httpStatus : 500;
  const requestId = mintId();
  const body = JSON.stringify({ error: wire, requestId });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n` +
      `connection: close\r\ncontent-type: application/json; charset=utf-8\r\nx-request-id: ${requestId}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
