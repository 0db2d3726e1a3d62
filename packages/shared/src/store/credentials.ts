// Logins of browsers and API keys of machines: stored by their digest, found by it, taken back by removing it.
import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { mintId, UserId } from '../protocol/ids.ts';
import { credentialKey, userKeysKey } from './keys.ts';
import { publishAccessChange } from './session-roles.ts';

/** What the text of a credential begins with. */
export const CREDENTIAL_PREFIX = { login: 'hfl_', key: 'hfk_' } as const;
export type CredentialKind = keyof typeof CREDENTIAL_PREFIX;

const Stored = z.object({
  userId: UserId,
  scopes: z.array(z.string()),
  /** ms since 1970; null: it does not end by itself. */
  expiresAt: z.number().nullable(),
});
const StoredKey = z.object({
  digest: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  createdAt: z.number(),
  expiresAt: z.number().nullable(),
});

export interface Credential extends z.infer<typeof Stored> {
  /** Names the credential to those who watch over it; says nothing about its text. */
  readonly credentialId: string;
}

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly createdAt: number;
  readonly expiresAt: number | null;
}

export interface Credentials {
  /** `secret` is the text that logs in; it is stored nowhere. */
  createLogin(login: z.infer<typeof Stored>): Promise<{ readonly secret: string }>;
  /** `full`: the user has as many keys as one may have. */
  createKey(
    key: z.infer<typeof Stored> & { readonly name: string },
  ): Promise<
    | { readonly status: 'created'; readonly secret: string; readonly key: ApiKey }
    | { readonly status: 'full' }
  >;
  /** Null for a text that is no valid login or key (any more). */
  find(secret: string): Promise<Credential | null>;
  isGone(credentialId: string): Promise<boolean>;
  /** Ends a login or key by its text. */
  endLogin(secret: string): Promise<void>;
  listKeys(userId: UserId): Promise<ApiKey[]>;
  /** False when the user has no such key. What is open by it ends within seconds. */
  revokeKey(userId: UserId, id: string): Promise<boolean>;
}

/** More keys than this are a mistake of a program. */
export const MAX_KEYS = 100;

export function createCredentials(redis: Redis): Credentials {
  const end = async (credentialId: string): Promise<void> => {
    await redis.del(credentialKey(credentialId));
    await publishAccessChange(redis, { type: 'credential', credentialId });
  };
  return {
    createLogin: async (login) => {
      const secret = newSecret('login');
      await store(redis, credentialIdOf(secret), login);
      return { secret };
    },
    createKey: async ({ name, ...stored }) => {
      if ((await redis.hlen(userKeysKey(stored.userId))) >= MAX_KEYS) return { status: 'full' };
      const secret = newSecret('key');
      const digest = credentialIdOf(secret);
      const { scopes, expiresAt } = stored;
      const key = { id: mintId(), name, scopes, createdAt: Date.now(), expiresAt };
      // The list first: a key that works but stands in no list could not be taken back.
      const { id, ...rest } = key;
      await redis.hset(userKeysKey(stored.userId), id, JSON.stringify({ ...rest, digest }));
      await store(redis, digest, stored);
      return { status: 'created', secret, key };
    },
    find: async (secret) => {
      const credentialId = credentialIdOf(secret);
      const json = await redis.get(credentialKey(credentialId));
      if (json === null) return null;
      const stored = Stored.parse(JSON.parse(json));
      if (stored.expiresAt !== null && stored.expiresAt <= Date.now()) return null;
      return { ...stored, credentialId };
    },
    isGone: async (credentialId) => (await redis.exists(credentialKey(credentialId))) === 0,
    endLogin: async (secret) => end(credentialIdOf(secret)),
    listKeys: async (userId) => listKeys(redis, userId),
    revokeKey: async (userId, id) => {
      const json = await redis.hget(userKeysKey(userId), id);
      if (json === null) return false;
      await end(StoredKey.parse(JSON.parse(json)).digest);
      return (await redis.hdel(userKeysKey(userId), id)) === 1;
    },
  };
}

async function listKeys(redis: Redis, userId: UserId): Promise<ApiKey[]> {
  const stored = await redis.hgetall(userKeysKey(userId));
  return Object.entries(stored)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([id, json]) => {
      const { digest: _digest, ...key } = StoredKey.parse(JSON.parse(json));
      return { id, ...key };
    });
}

async function store(redis: Redis, credentialId: string, value: z.infer<typeof Stored>): Promise<void> {
  const key = credentialKey(credentialId);
  const json = JSON.stringify(Stored.parse(value));
  if (value.expiresAt === null) await redis.set(key, json);
  else await redis.set(key, json, 'PXAT', value.expiresAt);
}

/** 256 random bits: nothing to guess, so a plain digest of it is enough. */
function newSecret(kind: CredentialKind): string {
  return `${CREDENTIAL_PREFIX[kind]}${randomBytes(32).toString('base64url')}`;
}

function credentialIdOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
