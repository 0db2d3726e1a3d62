// One WebSocket connection: text in, frames checked and dispatched, answers out. Commands of one connection run
// one after the other, in the order in which they came; attaching does not hold them up.
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import {
  errorCatalogue,
  PROTOCOL_VERSION,
  ServiceError,
  toWireError,
  type ClientFrame,
  type ConnectionId,
  type ErrorCode,
  type RequestId,
  type SessionId,
} from '@holdfast/shared/protocol';
import { metrics, type Logger } from '@holdfast/shared/runtime';
import { assertNever } from '@holdfast/shared/util';
import type { AccessWatch } from '../access/access-watch.ts';
import type { Authenticator, Identity } from '../auth/identity.ts';
import { Follower, type FollowerDeps } from '../feed/follower.ts';
import { fullBucket, takeToken, type Bucket, type BucketRule } from '../limits/token-bucket.ts';
import type { UserLimits } from '../limits/user-limits.ts';
import type { SessionService } from '../sessions/session-service.ts';
import { Attachment, type AttachmentEnd } from './attachment.ts';
import { ConnectionLogin } from './connection-login.ts';
import { admitFrame, nextConnectionState, type ConnectionState } from './connection-state.ts';
import type { Keepalive, KeptAlive } from './keepalive.ts';
import { Outbox } from './outbox.ts';
import { parseFrame } from './parse-frame.ts';
import { runCommand, type CommandFrame } from './run-command.ts';

/** Larger frames end the connection with `frame_too_large`. */
export const MAX_FRAME_BYTES = 1024 * 1024;
/** Before hello nothing that large is needed, and nobody is known to be allowed to send it. */
const MAX_HELLO_BYTES = 16 * 1024;
const HEARTBEAT_MS = 15_000;
const HELLO_DEADLINE_MS = 10_000;
const MAX_ATTACHED = 200;
/** Commands that wait behind one that is under way. */
const MAX_WAITING_COMMANDS = 256;
/** Attaching to everything at once is fine; asking on and on is not. */
const FRAME_RULE: BucketRule = { capacity: 500, perSecond: 100 };

export interface ConnectionDeps {
  readonly authenticator: Authenticator;
  readonly access: AccessWatch;
  readonly limits: Pick<UserLimits, 'openConnection'>;
  readonly sessions: SessionService;
  readonly follower: FollowerDeps;
  readonly keepalive: Keepalive;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface ConnectionInput {
  readonly socket: WebSocket;
  /** What the socket writes to. */
  readonly stream: Duplex;
  readonly connectionId: ConnectionId;
  /** Whom the upgrade's credential (header, cookie, subprotocol) belongs to, when one came with it. */
  readonly presented: Identity | undefined;
  /** The peer's address, as trusted proxies tell it. */
  readonly address: string;
  readonly onClosed: (connection: Connection) => void;
}

export class Connection implements KeptAlive, AttachmentEnd {
  readonly connectionId: ConnectionId;
  heardAtMs: number;
  readonly #deps: ConnectionDeps;
  readonly #outbox: Outbox;
  readonly #presented: Identity | undefined;
  readonly #attached = new Map<SessionId, Follower>();
  /** Ends the watch over the role in a session of somebody else. */
  readonly #watches = new Map<SessionId, () => void>();
  readonly #login: ConnectionLogin;
  #state: ConnectionState = { kind: 'awaiting_hello' };
  #bucket: Bucket;
  #commands: Promise<void> = Promise.resolve();
  #waitingCommands = 0;
  #helloTimer: NodeJS.Timeout | undefined;

  constructor(deps: ConnectionDeps, input: ConnectionInput) {
    this.#deps = deps;
    this.connectionId = input.connectionId;
    this.#presented = input.presented;
    const { connectionId, address } = input;
    this.#login = new ConnectionLogin({ ...deps, connectionId, address });
    this.#outbox = new Outbox(input.socket, input.stream, () => this.#end('slow_consumer'));
    this.heardAtMs = deps.now();
    this.#bucket = fullBucket(FRAME_RULE, this.heardAtMs);
    this.#helloTimer = setTimeout(() => this.#end('hello_late'), HELLO_DEADLINE_MS).unref();
    deps.keepalive.add(this);
    input.socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    input.socket.on('pong', () => (this.heardAtMs = deps.now()));
    input.socket.on('error', (error) => this.#onSocketError(error));
    input.socket.on('close', () => this.#onClose(input.onClosed));
  }

  ping(): void {
    this.#outbox.ping();
  }

  lost(): void {
    this.#end('heartbeat_lost');
  }

  onGone(sessionId: SessionId): void {
    this.#letGo(sessionId);
    const error = toWireError(new ServiceError('session_not_found'));
    this.#outbox.send({ type: 'error', ...error, sessionId });
  }

  onHopeless(): void {
    this.#end('slow_consumer');
  }

  /** Tells the client that this gateway stops and when to come back. */
  announceEnd(reconnectAfterMs: number): void {
    this.#outbox.send({ type: 'goingAway', reconnectAfterMs });
  }

  /** Resolves once the commands that came so far are answered. */
  async answered(): Promise<void> {
    await this.#commands;
  }

  closeForDrain(): void {
    this.#end('going_away');
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    this.heardAtMs = this.#deps.now();
    if (this.#state.kind === 'closing') return;
    if (this.#login.isLooking) return this.#hold(data, isBinary);
    if (isBinary || !Buffer.isBuffer(data)) return this.#refuse(new ServiceError('binary_frame'), undefined);
    const limit = this.#state.kind === 'ready' ? MAX_FRAME_BYTES : MAX_HELLO_BYTES;
    if (data.length > limit) return this.#end('frame_too_large');
    const { bucket, taken } = takeToken(this.#bucket, FRAME_RULE, this.heardAtMs);
    this.#bucket = bucket;
    const parsed = parseFrame(data.toString('utf8'));
    if (!parsed.ok) return this.#refuse(parsed.error, parsed.requestId);
    if (!taken) return this.#refuse(new ServiceError('rate_limited'), requestIdOf(parsed.frame));
    this.#onFrame(parsed.frame);
  }

  #hold(data: RawData, isBinary: boolean): void {
    // Nobody is known yet: what is kept for a stranger is small.
    if (Buffer.isBuffer(data) && data.length > MAX_HELLO_BYTES) return this.#end('frame_too_large');
    if (!this.#login.hold(() => this.#onMessage(data, isBinary))) this.#end('rate_limited');
  }

  #onFrame(frame: ClientFrame): void {
    const admission = admitFrame(this.#state, frame.type);
    switch (admission.act) {
      case 'ignore':
        return;
      case 'refuse':
        return this.#refuse(new ServiceError(admission.code), requestIdOf(frame));
      case 'authenticate':
        return frame.type === 'hello' ? this.#onHello(frame) : undefined;
      case 'handle':
        return this.#handle(frame, admission.identity);
    }
  }

  #onHello(frame: Extract<ClientFrame, { type: 'hello' }>): void {
    if (frame.version !== PROTOCOL_VERSION) return this.#end('unsupported_version');
    const { token } = frame;
    const find = async (): Promise<Identity | undefined> =>
      token === undefined ? this.#presented : this.#login.find(token);
    void this.#login.lookUp(find, (found) =>
      typeof found === 'string' ? this.#end(found) : this.#welcome(found),
    );
  }

  async #refresh(frame: Extract<ClientFrame, { type: 'refresh' }>, before: Identity): Promise<void> {
    const { requestId, token } = frame;
    try {
      const identity = await this.#login.find(token);
      if (this.#state.kind !== 'ready') return;
      if (identity?.userId !== before.userId) throw new ServiceError('refresh_refused');
      this.#accept(identity, { kind: 'refreshed', identity });
      this.#outbox.send({ type: 'ack', requestId });
    } catch (error) {
      this.#refuse(error, requestId);
    }
  }

  #accept(identity: Identity, event: Parameters<typeof nextConnectionState>[1]): void {
    this.#login.accept(identity, () => this.#end('unauthenticated'));
    this.#state = nextConnectionState(this.#state, event);
  }

  #welcome(identity: Identity): void {
    if (this.#state.kind === 'closing') return;
    const { userId } = identity;
    clearTimeout(this.#helloTimer);
    this.#helloTimer = undefined;
    this.#accept(identity, { kind: 'hello_accepted', identity });
    this.#deps.logger.debug({ connectionId: this.connectionId, userId }, 'connection ready');
    this.#outbox.send({
      type: 'welcome',
      version: PROTOCOL_VERSION,
      connectionId: this.connectionId,
      userId,
      heartbeatMs: HEARTBEAT_MS,
      maxFrameBytes: MAX_FRAME_BYTES,
    });
  }

  #handle(frame: ClientFrame, identity: Identity): void {
    switch (frame.type) {
      case 'hello':
        return;
      case 'ping':
        return this.#outbox.send({
          type: 'pong',
          ...(frame.nonce === undefined ? {} : { nonce: frame.nonce }),
        });
      case 'refresh':
        return void this.#refresh(frame, identity);
      case 'attach':
        return void this.#attach(frame, identity);
      case 'detach':
        return this.#detach(frame);
      case 'create':
      case 'open':
      case 'prompt':
      case 'promptEdit':
      case 'promptCancel':
      case 'promptMove':
      case 'resumeQueue':
      case 'abort':
      case 'decide':
      case 'bypass':
      case 'set':
      case 'share':
      case 'unshare':
        return this.#enqueue(frame, identity);
      default:
        assertNever(frame);
    }
  }

  #enqueue(frame: CommandFrame, identity: Identity): void {
    if (this.#waitingCommands >= MAX_WAITING_COMMANDS) {
      return this.#refuse(new ServiceError('rate_limited'), frame.requestId);
    }
    this.#waitingCommands += 1;
    this.#commands = this.#commands.then(async () => {
      try {
        this.#outbox.send(await runCommand(this.#deps.sessions, identity, frame));
      } catch (error) {
        this.#refuse(error, frame.requestId);
      } finally {
        this.#waitingCommands -= 1;
      }
    });
  }

  async #attach(frame: Extract<ClientFrame, { type: 'attach' }>, identity: Identity): Promise<void> {
    const { sessionId, requestId } = frame;
    if (this.#attached.has(sessionId)) return this.#refuse(new ServiceError('already_attached'), requestId);
    if (this.#attached.size >= MAX_ATTACHED) {
      return this.#refuse(
        new ServiceError('too_many_attached', { details: { limit: MAX_ATTACHED } }),
        requestId,
      );
    }
    const sink = new Attachment(sessionId, this.#outbox, this);
    const position = frame.position ?? null;
    const follower = new Follower(this.#deps.follower, { sessionId, position, sink });
    this.#attached.set(sessionId, follower);
    try {
      const role = await this.#deps.sessions.checkReader(identity, sessionId);
      await follower.start(null, (answer) =>
        this.#outbox.send({ type: 'attached', requestId, sessionId, ...answer, role }),
      );
      if (role !== 'owner') this.#watch({ identity, sessionId, role }, follower);
    } catch (error) {
      if (this.#attached.get(sessionId) === follower) this.#attached.delete(sessionId);
      this.#refuse(error, requestId);
    }
  }

  #detach(frame: Extract<ClientFrame, { type: 'detach' }>): void {
    const follower = this.#attached.get(frame.sessionId);
    if (follower === undefined) return this.#refuse(new ServiceError('not_attached'), frame.requestId);
    this.#letGo(frame.sessionId);
    follower.close();
    this.#outbox.send({ type: 'ack', requestId: frame.requestId, sessionId: frame.sessionId });
  }

  /** Someone else's session is followed for as long as it is shared. */
  #watch(follow: Parameters<AccessWatch['onRoleEnd']>[0], follower: Follower): void {
    if (this.#attached.get(follow.sessionId) !== follower) return;
    const stop = this.#deps.access.onRoleEnd(follow, () => follower.gone());
    this.#watches.set(follow.sessionId, stop);
  }

  #letGo(sessionId: SessionId): void {
    this.#attached.delete(sessionId);
    this.#watches.get(sessionId)?.();
    this.#watches.delete(sessionId);
  }

  /** Answers with an error; one that has a close code ends the connection as well. */
  #refuse(error: unknown, requestId: RequestId | undefined): void {
    const wire = toWireError(error);
    if (wire.code === 'internal') {
      this.#deps.logger.error({ err: error, connectionId: this.connectionId }, 'a frame failed');
    }
    const code = error instanceof ServiceError ? error.code : 'internal';
    if (errorCatalogue[code].closeCode !== null) return this.#end(code, requestId);
    this.#outbox.send({ type: 'error', ...wire, ...(requestId === undefined ? {} : { requestId }) });
  }

  #end(cause: ErrorCode, requestId?: RequestId): void {
    if (this.#state.kind === 'closing') return;
    this.#state = nextConnectionState(this.#state, { kind: 'ended', cause });
    metrics.connectionEnds.inc({ cause });
    this.#stop();
    const wire = toWireError(new ServiceError(cause));
    const frame = { type: 'error' as const, ...wire, ...(requestId === undefined ? {} : { requestId }) };
    if (this.#outbox.bufferedBytes() < MAX_FRAME_BYTES) this.#outbox.send(frame);
    this.#outbox.close(errorCatalogue[cause].closeCode ?? 1011, cause);
    this.#deps.logger.debug({ connectionId: this.connectionId, cause }, 'connection ended by us');
  }

  #onSocketError(error: Error): void {
    this.#deps.logger.debug({ connectionId: this.connectionId, err: error }, 'connection error');
  }

  #onClose(onClosed: (connection: Connection) => void): void {
    this.#state = nextConnectionState(this.#state, { kind: 'ended', cause: undefined });
    this.#stop();
    this.#deps.logger.debug({ connectionId: this.connectionId }, 'connection closed');
    onClosed(this);
  }

  /** Lets go of everything that outlives the socket's frames. */
  #stop(): void {
    clearTimeout(this.#helloTimer);
    this.#deps.keepalive.remove(this);
    this.#login.close();
    for (const follower of this.#attached.values()) follower.close();
    this.#attached.clear();
    for (const stop of this.#watches.values()) stop();
    this.#watches.clear();
  }
}

function requestIdOf(frame: ClientFrame): RequestId | undefined {
  return 'requestId' in frame ? frame.requestId : undefined;
}
