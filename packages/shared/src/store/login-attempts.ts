// Logins that were begun at an identity provider and are not finished: each can be finished once.
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { loginAttemptKey } from './keys.ts';

const LoginAttempt = z.object({ verifier: z.string(), nonce: z.string() });
export type LoginAttempt = z.infer<typeof LoginAttempt>;

/** Longer than a person with a second factor takes. */
const LIFE_S = 600;

export interface LoginAttempts {
  keep(state: string, attempt: LoginAttempt): Promise<void>;
  /** Null when there is none (any more): what was taken once is gone. */
  take(state: string): Promise<LoginAttempt | null>;
}

export function createLoginAttempts(redis: Redis): LoginAttempts {
  const keyOf = (state: string): string => loginAttemptKey(createHash('sha256').update(state).digest('hex'));
  return {
    keep: async (state, attempt) => {
      await redis.set(keyOf(state), JSON.stringify(attempt), 'EX', LIFE_S);
    },
    take: async (state) => {
      const json = await redis.getdel(keyOf(state));
      return json === null ? null : LoginAttempt.parse(JSON.parse(json));
    },
  };
}
