// Who may do what, as it is stored: roles, credentials, logins under way, trust, rules, the audit trail.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CreateId, mintSessionId, UserId, type SessionId } from '@holdfast/shared/protocol';
import {
  createAuditLog,
  createCredentials,
  createLoginAttempts,
  createSessionRoles,
  createSessionStore,
  createUserRules,
  createUserTrust,
  readPersistence,
  type Redis,
} from '@holdfast/shared/store';
import { startRedis, type TestRedis } from '../support/redis.ts';

/** The list of a user's sessions, own and shared. */
const userSessionsKey = (user: UserId): string => `hf:user:${user}:sessions`;

const owner = UserId.parse('ann');
const friend = UserId.parse('bob');
const stranger = UserId.parse('eve');
let server: TestRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
});
afterAll(async () => server[Symbol.asyncDispose]());
beforeEach(async () => void (await redis.flushall()));

async function newSession(): Promise<SessionId> {
  const store = createSessionStore(redis);
  const { sessionId } = await store.reserveId(owner, CreateId.parse('c'));
  const settings = { permissionMode: 'default' as const, allowedTools: [], disallowedTools: [] };
  const rest = { epoch: 'e1', cwd: '/w', title: null, settings, at: 1 };
  await store.create({ sessionId, userId: owner, frame: '{"offset":1,"type":"session_created"}', ...rest });
  return sessionId;
}

describe('roles of a session [G-05]', () => {
  it('are given, changed and taken away by its owner only', async () => {
    const roles = createSessionRoles(redis);
    const sessionId = await newSession();
    expect(await roles.roleOf(sessionId, owner)).toBe('owner');
    expect(await roles.roleOf(sessionId, friend)).toBeNull();
    expect(await roles.share(owner, { sessionId, userId: friend, role: 'viewer' })).toBe('changed');
    expect(await roles.share(owner, { sessionId, userId: friend, role: 'viewer' })).toBe('unchanged');
    expect(await roles.share(owner, { sessionId, userId: friend, role: 'approver' })).toBe('changed');
    expect(await roles.roleOf(sessionId, friend)).toBe('approver');
    expect(await roles.list(sessionId)).toEqual([{ userId: friend, role: 'approver' }]);
    expect(await roles.share(friend, { sessionId, userId: stranger, role: 'viewer' })).toBe('not_found');
    expect(await roles.unshare(friend, { sessionId, userId: friend })).toBe('not_found');
    expect(await roles.unshare(owner, { sessionId, userId: friend })).toBe('changed');
    expect(await roles.unshare(owner, { sessionId, userId: friend })).toBe('unchanged');
    expect(await roles.roleOf(sessionId, friend)).toBeNull();
  });

  it('stand in the list of the user who has them, and in no other', async () => {
    const roles = createSessionRoles(redis);
    const sessionId = await newSession();
    await roles.share(owner, { sessionId, userId: friend, role: 'viewer' });
    expect(await redis.zrange(userSessionsKey(friend), '0', '-1')).toEqual([sessionId]);
    await roles.share(friend, { sessionId, userId: stranger, role: 'viewer' });
    expect(await redis.zrange(userSessionsKey(stranger), '0', '-1')).toEqual([]);
    await roles.unshare(owner, { sessionId, userId: friend });
    expect(await redis.zrange(userSessionsKey(friend), '0', '-1')).toEqual([]);
  });

  it('are none in a session that is not there, or of users beyond its limit', async () => {
    const roles = createSessionRoles(redis);
    const gone = mintSessionId();
    expect(await roles.roleOf(gone, owner)).toBeNull();
    expect(await roles.list(gone)).toEqual([]);
    const sessionId = await newSession();
    const results: string[] = [];
    for (let n = 0; results.at(-1) !== 'full' && n < 1_000; n += 1) {
      results.push(await roles.share(owner, { sessionId, userId: UserId.parse(`u${n}`), role: 'viewer' }));
    }
    expect(results.at(-1)).toBe('full');
    expect(await redis.zcard(userSessionsKey(UserId.parse(`u${results.length - 1}`)))).toBe(0);
  });
});

describe('credentials [G-04]', () => {
  const key = { userId: owner, scopes: ['read'], expiresAt: null, name: 'ci' };

  it('work until they end, and name their user', async () => {
    const credentials = createCredentials(redis);
    const { secret } = await credentials.createLogin({ userId: owner, scopes: [], expiresAt: null });
    const found = await credentials.find(secret);
    expect(found).toMatchObject({ userId: owner });
    expect(await credentials.isGone(found?.credentialId ?? '')).toBe(false);
    await credentials.endLogin(secret);
    expect(await credentials.find(secret)).toBeNull();
    expect(await credentials.isGone(found?.credentialId ?? '')).toBe(true);
    const past = await credentials.createLogin({ userId: owner, scopes: [], expiresAt: Date.now() + 30 });
    await expect.poll(async () => credentials.find(past.secret)).toBeNull();
  });

  it('that are keys are listed without their text, revoked by their id, and bounded', async () => {
    const credentials = createCredentials(redis);
    const made = await credentials.createKey(key);
    if (made.status !== 'created') throw new Error('the first key was refused');
    expect(await credentials.listKeys(owner)).toEqual([made.key]);
    expect(JSON.stringify(await redis.hgetall(`hf:user:${owner}:keys`))).not.toContain(made.secret);
    expect(await credentials.revokeKey(owner, 'unknown')).toBe(false);
    expect(await credentials.revokeKey(stranger, made.key.id)).toBe(false);
    expect(await credentials.revokeKey(owner, made.key.id)).toBe(true);
    expect(await credentials.find(made.secret)).toBeNull();
    for (let n = 0; n < 100; n += 1) await credentials.createKey(key);
    expect(await credentials.createKey(key)).toEqual({ status: 'full' });
  });

  it('of a login under way can be taken once', async () => {
    const attempts = createLoginAttempts(redis);
    await attempts.keep('state', { verifier: 'v', nonce: 'n' });
    expect(await attempts.take('state')).toEqual({ verifier: 'v', nonce: 'n' });
    expect(await attempts.take('state')).toBeNull();
  });
});

describe('what a user trusts and allows [A-03] [F-03]', () => {
  it('is trust in a folder, until it is taken back', async () => {
    const trust = createUserTrust(redis);
    expect(await trust.isTrusted(owner, '/w')).toBe(false);
    await trust.set(owner, '/w', true);
    expect(await trust.isTrusted(owner, '/w')).toBe(true);
    expect(await trust.isTrusted(friend, '/w')).toBe(false);
    await trust.set(owner, '/w', false);
    expect(await trust.isTrusted(owner, '/w')).toBe(false);
  });

  it('is rules of one folder; what another version has stored is passed over', async () => {
    const rules = createUserRules(redis);
    const rule = { cwd: '/w', rule: 'Bash(git *)', at: 1, sessionId: null };
    await rules.add(owner, rule);
    await rules.add(owner, { ...rule, at: 2 });
    await rules.add(owner, { ...rule, cwd: '/other' });
    await redis.hset(`hf:user:${owner}:rules`, '/w\u0000Read', '{"from":"tomorrow"}');
    expect(await rules.list(owner, '/w')).toEqual([rule]);
    expect(await rules.list(owner)).toHaveLength(2);
    expect(await rules.remove(owner, rule)).toBe(true);
    expect(await rules.remove(owner, rule)).toBe(false);
  });
});

describe('what operators read', () => {
  it('is the audit trail in order, page by page [G-08]', async () => {
    const audit = createAuditLog(redis);
    expect(await audit.read(null)).toEqual([]);
    for (const action of ['login', 'prompt'] as const) {
      await audit.add({ at: 1, userId: owner, action, sessionId: null, details: {} });
    }
    const [first] = await audit.read(null);
    expect((await audit.read(null)).map(({ entry }) => entry.action)).toEqual(['login', 'prompt']);
    expect(await audit.read(first?.id ?? '')).toHaveLength(1);
  });

  it('is whether what is written stays', async () => {
    expect(await readPersistence(redis)).toEqual({
      evictionPolicy: 'noeviction',
      hasAppendOnlyFile: true,
      isWriting: true,
    });
  });
});
