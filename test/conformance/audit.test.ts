// The audit trail: who did what, without a text that anybody wrote, and for operators alone.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SignJWT } from 'jose';
import { UserId, type SessionId } from '@holdfast/shared/protocol';
import { createSessionRoles, sessionKeys, type Redis } from '@holdfast/shared/store';
import { RunningCli } from '../../apps/cli/test/support.ts';
import { createStoredSession, notices, ownSession } from '../support/fake-owner.ts';
import { http } from '../support/http.ts';
import { startGateway, TEST_TOKEN, type TestGateway } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { connect } from '../support/ws-client.ts';

const SECRET = 'a shared secret of thirty-two characters, or more';

let server: TestRedis;
let redis: Redis;
let local: TestGateway;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  local = await startGateway({ redis: server });
});
afterAll(async () => {
  await local[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function readTrail(gateway: TestGateway, token = TEST_TOKEN): Promise<Record<string, unknown>[]> {
  const { text } = await http(`${gateway.url}/v1/audit`, { token });
  return text
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>])); // compared by the tests
}

describe('the audit trail', () => {
  it('names who prompted, decided, aborted, shared, changed and logged in, and holds no text of theirs [G-08]', async () => {
    const sessionId: SessionId = await createStoredSession(redis);
    const owner = await ownSession(redis, sessionId);
    const stored = {
      kind: 'tool',
      tool: 'Bash',
      toolCallId: 't1',
      inputDigest: 'd',
      fence: owner.ownership.fence,
    };
    const json = JSON.stringify(stored);
    await owner.append(notices(1), () => ({ approvals: [{ op: 'open', approvalId: 'a1', json }] }));
    await redis.hset(sessionKeys(sessionId).meta, 'turn', crypto.randomUUID());
    await using client = await connect(local.wsUrl, { token: TEST_TOKEN });
    const about = { sessionId };
    const secret = 'a text that nobody else should read';
    const content = [{ type: 'text', text: secret }];
    const prompt = { type: 'prompt', ...about, promptId: 'p1', content };
    for (const frame of [
      { type: 'create', createId: 'audited', title: secret },
      prompt,
      prompt,
      { type: 'promptEdit', ...about, promptId: 'p1', content },
      { type: 'abort', ...about },
      { type: 'decide', ...about, approvalId: 'a1', decision: { kind: 'deny', message: secret } },
      { type: 'set', ...about, title: secret },
      { type: 'set', ...about, archived: true },
      { type: 'share', ...about, userId: 'bea', role: 'viewer' },
      { type: 'unshare', ...about, userId: 'bea' },
    ]) {
      expect(await client.request(frame)).toMatchObject({ type: 'ack' });
    }
    await http(`${local.url}/login?token=${TEST_TOKEN}`, { token: null });
    await http(`${local.url}/v1/sessions/${sessionId}`, { method: 'DELETE' });
    await until(async () => (await readTrail(local)).some(({ action }) => action === 'delete'), {
      what: 'the end of the trail',
    });
    const trail = await readTrail(local);
    expect(trail.map(({ action }) => action)).toEqual([
      ...[
        'create',
        'prompt',
        'promptEdit',
        'abort',
        'decide',
        'set',
        'set',
        'share',
        'unshare',
        'login',
        'delete',
      ],
    ]);
    for (const entry of trail) expect(entry).toMatchObject({ userId: 'local', at: expect.any(Number) });
    const of = (action: string): unknown => trail.find((entry) => entry['action'] === action)?.['details'];
    expect(of('prompt')).toEqual({ promptId: 'p1', whenBusy: 'queue' });
    expect(of('decide')).toEqual({ approvalId: 'a1', decision: 'deny', scope: null });
    expect(of('share')).toEqual({ with: 'bea', role: 'viewer' });
    expect(of('set')).toEqual({ fields: ['title'] });
    expect(JSON.stringify(trail)).not.toContain(secret);
    expect(JSON.stringify(trail)).not.toContain(TEST_TOKEN);
  });

  it('notes nothing that was refused [G-08]', async () => {
    const before = (await readTrail(local)).length;
    const foreign = await createStoredSession(redis, 'somebody-else');
    const viewed = await createStoredSession(redis, 'somebody-else');
    const shared = { sessionId: viewed, userId: UserId.parse('local'), role: 'viewer' as const };
    await createSessionRoles(redis).share(UserId.parse('somebody-else'), shared);
    await using client = await connect(local.wsUrl, { token: TEST_TOKEN });
    for (const sessionId of [foreign, viewed]) await client.request({ type: 'abort', sessionId });
    await http(`${local.url}/login?token=wrong`, { token: null });
    expect(await readTrail(local)).toHaveLength(before);
  });

  it('is printed as JSON lines by "holdfast audit", from any line on [G-08]', async () => {
    const env = { HOLDFAST_URL: local.url, HOLDFAST_TOKEN: TEST_TOKEN };
    const linesOf = async (...args: string[]): Promise<{ id: string }[]> => {
      const { exitCode, out } = await new RunningCli(['audit', ...args], { env }).done;
      expect(exitCode).toBe(0);
      return out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { id: string }); // printed by the command
    };
    const lines = await linesOf();
    expect(lines).toEqual(await readTrail(local));
    expect(await linesOf('--after', lines[0]?.id ?? '')).toEqual(lines.slice(1));
  });

  it('has what the terminal client did: shares, keys [G-05] [G-08]', async () => {
    const env = { HOLDFAST_URL: local.url, HOLDFAST_TOKEN: TEST_TOKEN };
    const run = async (...args: string[]): Promise<string> => {
      const { exitCode, out, err } = await new RunningCli(args, { env }).done;
      expect([exitCode, err.includes('holdfast:')]).toEqual([0, false]);
      return out;
    };
    const sessionId = await createStoredSession(redis);
    await run('share', sessionId, 'bea', '--role', 'approver');
    expect(await run('share', sessionId)).toBe('bea  approver\n');
    await run('unshare', sessionId, 'bea');
    expect(JSON.parse(await run('share', sessionId, '--json'))).toEqual([]);
    const key = (await run('keys', 'new', 'ci', '--scope', 'read', '--days', '2')).trim();
    expect((await http(`${local.url}/v1/sessions`, { token: key })).status).toBe(200);
    const listed = await run('keys', 'ls');
    expect(listed).toMatch(/^\w{26} {2}read {2}until .* {2}ci\n$/);
    await run('keys', 'revoke', listed.slice(0, 26));
    expect((await http(`${local.url}/v1/sessions`, { token: key })).status).toBe(401);
    const actions = (await readTrail(local)).map(({ action }) => action);
    expect(actions.slice(-4)).toEqual(['share', 'unshare', 'keyCreated', 'keyRevoked']);
  });

  it('in a team is for those who were named [G-08] [G-01]', async () => {
    await using team = await startGateway({
      redis: server,
      env: {
        ...{ HOLDFAST_AUTH: 'team', HOLDFAST_ISOLATION: 'shared', HOLDFAST_JWT_SECRET: SECRET },
        HOLDFAST_ADMINS: 'root@x.org, ann',
      },
    });
    const tokenOf = async (sub: string): Promise<string> =>
      new SignJWT({ sub })
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime('5m')
        .sign(new TextEncoder().encode(SECRET));
    expect((await readTrail(team, await tokenOf('ann'))).length).toBeGreaterThan(5);
    const { status } = await http(`${team.url}/v1/audit`, { token: await tokenOf('bob') });
    expect(status).toBe(403);
  });
});
