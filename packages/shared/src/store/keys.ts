// Every key and channel name, in one place. All keys of a session carry its partition as hash tag, so a
// session script touches one Cluster slot only.
import type { UploadId } from '../protocol/content.ts';
import { partitionOf, type SessionId, type UserId, type WorkerId } from '../protocol/ids.ts';

/** The keys and channels of one session. */
export interface SessionKeys {
  /** hash: owner user, epoch, head, fence, owner worker, inbox counters, settings, … */
  readonly meta: string;
  /** stream: ids `<offset>-<fence>`, one field `f` with the frame as sent */
  readonly events: string;
  /** stream: the events that are kept when the log is trimmed, id `<offset>-0` */
  readonly history: string;
  /** string: `<offset>\n<view as JSON>` */
  readonly snapshot: string;
  /** stream: commands in order, id `<seq>-0` */
  readonly inbox: string;
  /** hash: promptId -> waiting prompt as JSON */
  readonly queue: string;
  /** zset: promptId by place in the queue */
  readonly order: string;
  /** hash: approvalId -> pending approval as JSON */
  readonly approvals: string;
  /** zset: idempotency keys by the time they were used */
  readonly idem: string;
  /** hash: user -> role, for those with whom the session is shared */
  readonly roles: string;
  /** set: ids of uploaded files that wait for their prompt */
  readonly uploads: string;
  /** channel: appended frames */
  readonly live: string;
  /** channel: doorbell of the inbox */
  readonly doorbell: string;
}

export function sessionKeys(sessionId: SessionId): SessionKeys {
  const base = `hf:{${partitionOf(sessionId)}}:${sessionId}`;
  return {
    meta: `${base}:meta`,
    events: `${base}:events`,
    history: `${base}:history`,
    snapshot: `${base}:snapshot`,
    inbox: `${base}:inbox`,
    queue: `${base}:queue`,
    order: `${base}:order`,
    approvals: `${base}:approvals`,
    idem: `${base}:idem`,
    roles: `${base}:roles`,
    uploads: `${base}:uploads`,
    live: `${base}:live`,
    doorbell: `${base}:doorbell`,
  };
}

/** hash: name, type and bytes of an uploaded file. `append_events.lua` makes the same name of the queue's. */
export function blobKey(sessionId: SessionId, uploadId: UploadId): string {
  return `hf:{${partitionOf(sessionId)}}:${sessionId}:blob:${uploadId}`;
}

/** All stored keys of a session, its uploads apart (channels are not stored). */
export function storedKeysOf(sessionId: SessionId): string[] {
  const { live: _live, doorbell: _doorbell, ...stored } = sessionKeys(sessionId);
  return Object.values(stored);
}

/** zset: deleted sessions of one partition by the time of their end. Remembered so that none is created again. */
export function tombstonesKey(sessionId: SessionId): string {
  return `hf:{${partitionOf(sessionId)}}:deleted`;
}

/** Sessions of one user, own and shared, by creation time and the time of sharing. */
export function userSessionsKey(userId: UserId): string {
  return `hf:user:${userId}:sessions`;
}

/** Which session a user's createId made: makes `create` idempotent. */
export function userCreateKey(userId: UserId, createId: string): string {
  return `hf:user:${userId}:create:${createId}`;
}

/** hash: folder and rule -> since when a user always allows it there. */
export function userRulesKey(userId: UserId): string {
  return `hf:user:${userId}:rules`;
}

/** string: whom a login or an API key belongs to. */
export function credentialKey(credentialId: string): string {
  return `hf:cred:${credentialId}`;
}

/** zset: open connections of the user, over all gateways, by when their places are free again. */
export function userPlacesKey(userId: UserId): string {
  return `hf:user:${userId}:places`;
}

/** string: a login that was begun at an identity provider. */
export function loginAttemptKey(state: string): string {
  return `hf:login:${state}`;
}

/** stream: who did what. */
export const AUDIT_KEY = 'hf:audit';

/** hash: id -> an API key of the user, without what logs in. */
export function userKeysKey(userId: UserId): string {
  return `hf:user:${userId}:keys`;
}

/** hash: folder -> since when a user trusts it, ms since 1970. */
export function userTrustKey(userId: UserId): string {
  return `hf:user:${userId}:trusted`;
}

/** Channel of all gateways: somebody's access may have changed. */
export const ACCESS_CHANNEL = 'hf:access';

/** zset: worker -> liveness deadline in ms of Redis TIME. One tag, so the registry scripts stay in one slot. */
export const WORKER_DEADLINES_KEY = 'hf:{workers}:deadlines';
/** hash: worker -> `incarnation\ninfo as JSON` */
export const WORKER_INFO_KEY = 'hf:{workers}:info';
/** set: sessions of a worker with a running turn, an approval or unread commands. */
export function workerActiveKey(workerId: WorkerId): string {
  return `hf:{workers}:active:${workerId}`;
}
/** Channel of one worker: ids of sessions that it had before and that have a command now. */
export function workerDoorbell(workerId: WorkerId): string {
  return `hf:{workers}:doorbell:${workerId}`;
}
/** string: which worker is the reaper. */
export const REAPER_KEY = 'hf:{workers}:reaper';
/** hash: schema version and partition count. */
export const CONFIG_KEY = 'hf:cfg';
export const BULLMQ_PREFIX = 'hf:bull';

/** The channel on which one subscriber listens to itself. */
export function probeChannel(name: string): string {
  return `hf:probe:${name}`;
}
