// The only door to Redis. Every operation returns a result union; exceptions are Redis' own failures.
export * from './approvals.ts';
export * from './command-inbox.ts';
export * from './audit-log.ts';
export * from './credentials.ts';
export * from './event-log.ts';
export * from './housekeeping-queue.ts';
export * from './housekeeping-store.ts';
export {
  ACCESS_CHANNEL,
  probeChannel,
  sessionKeys,
  storedKeysOf,
  tombstonesKey,
  workerDoorbell,
  type SessionKeys,
} from './keys.ts';
export * from './login-attempts.ts';
export * from './placement-queue.ts';
export { splitPublishBody, type PublishHeader } from './publish-body.ts';
export {
  createCommandRedis,
  createGatheringRedis,
  createSubscriberRedis,
  replyErrorCode,
  type Redis,
  type RedisAddress,
} from './redis.ts';
export { checkStore } from './schema-version.ts';
export { readPersistence, readServerInfo, type Persistence, type ServerInfo } from './server-info.ts';
export * from './session-roles.ts';
export * from './session-store.ts';
export {
  createSubscriber,
  type MessageHandler,
  type Subscriber,
  type SubscriberProbe,
} from './subscriber.ts';
export * from './user-places.ts';
export * from './uploads.ts';
export * from './user-rules.ts';
export * from './user-trust.ts';
export * from './worker-registry.ts';
