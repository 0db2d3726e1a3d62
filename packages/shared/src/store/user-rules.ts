// Rules that a user always allows in one folder: given out to every agent that starts there for this user.
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { SessionId, type UserId } from '../protocol/ids.ts';
import { ToolRule } from '../protocol/tool-rule.ts';
import { userRulesKey } from './keys.ts';

export const UserRule = z.object({
  /** The folder, as sessions name it. */
  cwd: z.string(),
  rule: ToolRule,
  /** When it was stored, ms since 1970, and in which session it was decided. */
  at: z.int(),
  sessionId: SessionId.nullable(),
});
export type UserRule = z.infer<typeof UserRule>;

export interface UserRules {
  /** All rules of a user, or those for one folder; by folder and rule. */
  list(userId: UserId, cwd?: string): Promise<UserRule[]>;
  /** Stores a rule; one that is there already stays as it is. */
  add(userId: UserId, rule: UserRule): Promise<void>;
  /** Removes a rule; false when there is no such rule. Agents that run keep it until they are started anew. */
  remove(userId: UserId, rule: Pick<UserRule, 'cwd' | 'rule'>): Promise<boolean>;
}

/** hash: folder and rule, divided by a character that neither holds -> the rest as JSON */
const fieldOf = (rule: Pick<UserRule, 'cwd' | 'rule'>): string => `${rule.cwd}\u0000${rule.rule}`;

export function createUserRules(redis: Redis): UserRules {
  return {
    list: async (userId, cwd) => {
      const stored = await redis.hgetall(userRulesKey(userId));
      return Object.entries(stored)
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .flatMap(([field, json]) => {
          const [folder = '', rule = ''] = field.split('\u0000');
          const parsed = UserRule.safeParse({ ...JSON.parse(json), cwd: folder, rule });
          return parsed.success && (cwd === undefined || cwd === folder) ? [parsed.data] : [];
        });
    },
    add: async (userId, rule) => {
      const { at, sessionId } = rule;
      await redis.hsetnx(userRulesKey(userId), fieldOf(rule), JSON.stringify({ at, sessionId }));
    },
    remove: async (userId, rule) => (await redis.hdel(userRulesKey(userId), fieldOf(rule))) === 1,
  };
}
