// Branded identifiers: how they look, how they are minted. A session id carries its Redis partition.
import { ulid } from 'ulid';
import { z } from 'zod';

/** Sessions live in this many fixed partitions; the number is part of every stored id and never changes. */
export const PARTITION_COUNT = 256;

/** `s<partition as two hex digits>-<ulid>`, for example `s7f-01JD…`. Always minted by the service. */
export const SessionId = z
  .string()
  .regex(/^s[0-9a-f]{2}-[0-9A-HJKMNP-TV-Z]{26}$/, 'is not a session id')
  .brand<'SessionId'>();
export type SessionId = z.infer<typeof SessionId>;

/** An id made by a client so that a repeated request is recognised: 1-64 letters, digits, `_` or `-`. */
const clientMade = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1-64 letters, digits, "_" or "-"');

export const PromptId = clientMade.brand<'PromptId'>();
export type PromptId = z.infer<typeof PromptId>;
export const CreateId = clientMade.brand<'CreateId'>();
export type CreateId = z.infer<typeof CreateId>;
export const RequestId = clientMade.brand<'RequestId'>();
export type RequestId = z.infer<typeof RequestId>;

/** A UUID: the same value is given to the CLI as the uuid of the prompt, fresh for every attempt. */
export const TurnId = z.uuid().brand<'TurnId'>();
export type TurnId = z.infer<typeof TurnId>;
export const ApprovalId = z.string().min(1).max(64).brand<'ApprovalId'>();
export type ApprovalId = z.infer<typeof ApprovalId>;
export const WorkerId = z.string().min(1).max(64).brand<'WorkerId'>();
export type WorkerId = z.infer<typeof WorkerId>;
export const UserId = z.string().min(1).max(200).brand<'UserId'>();
export type UserId = z.infer<typeof UserId>;
export const ConnectionId = z.string().min(1).max(64).brand<'ConnectionId'>();
export type ConnectionId = z.infer<typeof ConnectionId>;

/** Mints a session id in a random partition. */
export function mintSessionId(): SessionId {
  return SessionId.parse(`s${randomByte().toString(16).padStart(2, '0')}-${mintId()}`);
}

/** The two hex digits of a session's partition: the hash tag of all its keys. */
export function partitionOf(sessionId: SessionId): string {
  return sessionId.slice(1, 3);
}

/** Mints an id for things of ours that sort by time (connections, approvals, prompts without a client id). */
export function mintId(): string {
  return ulid(undefined, () => randomByte() / 256);
}

/** Random bytes are fetched by the thousand: asked for one by one they are most of the cost of an id. */
const randomBytes = new Uint8Array(1024);
let randomBytesLeft = 0;

function randomByte(): number {
  if (randomBytesLeft === 0) {
    crypto.getRandomValues(randomBytes);
    randomBytesLeft = randomBytes.length;
  }
  randomBytesLeft -= 1;
  return randomBytes[randomBytesLeft] ?? 0;
}

export function mintTurnId(): TurnId {
  return TurnId.parse(crypto.randomUUID());
}
