// Approvals while people, gateways and workers come and go: answered once, or lost and said to be so.
import type { Client } from '@holdfast/client';
import { sessionKeys, type Redis } from '@holdfast/shared/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../support/processes.ts';
import { asked, begin, decide, isMade, resolved, touch } from '../../e2e/support/asking.ts';
import { clientOf, Follower, newSession, startSystem, type System } from '../../e2e/support/system.ts';

let system: System;
let worker: Service;
let client: Client;
let redis: Redis;
let one: Follower;

beforeAll(async () => {
  system = await startSystem();
  worker = await system.startWorker({ HOLDFAST_WORKER_ID: 'w1' });
  client = clientOf(system.gateway);
  redis = system.redis.connect();
  one = await newSession(client);
});
afterAll(async () => {
  client.close();
  await worker[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

const next = (): number => one.all('approval_requested').length + 1;

describe('an approval', () => {
  it('that two people answer at once through two gateways has one outcome: the loser is told, the winner may repeat [F-04]', async () => {
    await using second = await system.startGateway();
    using other = clientOf(second);
    const number = next();
    const { end } = begin(one, `${touch('race')} [[say done]]`);
    const { approvalId } = await asked(one, number);
    const elsewhere = other.session(one.session.sessionId);
    const decisions = [{ kind: 'allow' }, { kind: 'deny', message: 'no' }] as const;
    const answers = await Promise.allSettled([
      one.session.decide(approvalId, decisions[0]),
      elsewhere.decide(approvalId, decisions[1]),
    ]);
    const { outcome } = await resolved(one, { approvalId });
    await end;
    const winner = answers.findIndex(({ status }) => status === 'fulfilled');
    expect(outcome).toBe(winner === 0 ? 'allowed' : 'denied');
    expect(answers[1 - winner]).toMatchObject({
      status: 'rejected',
      reason: { code: 'approval_resolved', details: { by: 'local', outcome } },
    });
    expect(await isMade(one, 'race')).toBe(winner === 0);
    const [same, otherwise] = winner === 0 ? decisions : decisions.toReversed();
    if (same === undefined || otherwise === undefined) throw new Error('there are two decisions');
    expect(await elsewhere.decide(approvalId, same)).toEqual({ duplicate: true });
    await expect(elsewhere.decide(approvalId, otherwise)).rejects.toMatchObject({
      code: 'approval_resolved',
    });
    expect(one.all('approval_resolved').filter((event) => event.approvalId === approvalId)).toHaveLength(1);
  });

  it('waits unchanged while its gateway is killed, and is answered through another one [F-06]', async () => {
    const doomed = await system.startGateway();
    using before = clientOf(doomed);
    const follower = new Follower(before.session(one.session.sessionId));
    const number = next();
    const { end } = begin(one, `${touch('survives')} [[say done]]`);
    const approval = await asked(one, number);
    await follower.one('approval_requested', { approvalId: approval.approvalId });
    await doomed.stop('SIGKILL');
    // A client that comes back, to any gateway, finds it as it was.
    using after = clientOf(system.gateway);
    const { view } = await after.http.inspect(one.session.sessionId);
    expect(view.approvals).toMatchObject([
      { approvalId: approval.approvalId, inputDigest: approval.inputDigest },
    ]);
    await after.session(one.session.sessionId).decide(approval.approvalId, { kind: 'allow' });
    expect(await resolved(one, approval)).toMatchObject({ outcome: 'allowed' });
    await end;
    expect(await isMade(one, 'survives')).toBe(true);
  });

  it('is refused with a clear error when it is unknown, foreign, or the decision can not be: nothing changes', async () => {
    const number = next();
    const { end } = begin(one, `${touch('bad')} [[say done]]`);
    const approval = await asked(one, number);
    const key = sessionKeys(one.session.sessionId).approvals;
    const stored = await redis.hgetall(key);
    const post = async (
      approvalId: string,
      body: unknown,
      sessionId = one.session.sessionId,
    ): Promise<unknown> => {
      const path = `/v1/sessions/${sessionId}/approvals/${approvalId}`;
      const response = await fetch(`${system.gateway.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${system.gateway.token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const { error } = (await response.json()) as { error: { code: string } }; // an error, as is expected below
      return [response.status, error.code];
    };
    const { approvalId } = approval;
    const allow = (more: object): object => ({ decision: { kind: 'allow', ...more } });
    const stranger = await newSession(client);
    expect([
      await post('01JD5W3W8Y5Q3T2E0V9A6B4C2G', allow({})),
      await post(approvalId, allow({}), stranger.session.sessionId),
      await post(approvalId, { ...allow({}), inputDigest: 'of another input' }),
      await post(approvalId, allow({ input: ['no', 'object'] })),
      await post(approvalId, allow({ input: { command: 'x'.repeat(400_000) } })),
      await post(approvalId, allow({ scope: 'session', rules: ['Bash(git'] })),
      await post(approvalId, { decision: { kind: 'answer', answers: { a: 'b' } } }),
      await post(approvalId, { decision: { kind: 'plan' } }),
      await post(approvalId, {}),
    ]).toEqual([
      ...[
        [404, 'approval_not_found'],
        [404, 'approval_not_found'],
        [409, 'approval_changed'],
      ],
      ...[
        [400, 'decision_invalid'],
        [413, 'decision_too_large'],
        [400, 'decision_invalid'],
      ],
      ...[
        [400, 'decision_invalid'],
        [400, 'decision_invalid'],
        [400, 'decision_invalid'],
      ],
    ]);
    expect(await redis.hgetall(key)).toEqual(stored);
    expect(one.all('approval_resolved').filter((event) => event.approvalId === approvalId)).toEqual([]);
    await decide(one, { kind: 'deny' }, number);
    await end;
    expect(await isMade(one, 'bad')).toBe(false);
  });

  it('is lost with its child: the tool has not run, an answer says so, and trying again asks anew [F-06] [F-10]', async () => {
    const number = next();
    begin(one, `${touch('lost')} [[say done]]`);
    const approval = await asked(one, number);
    process.kill(one.pid, 'SIGKILL');
    expect(await resolved(one, approval)).toMatchObject({ outcome: 'lost', by: null });
    await expect(one.session.decide(approval.approvalId, { kind: 'allow' })).rejects.toMatchObject({
      code: 'approval_lost',
    });
    expect(await isMade(one, 'lost')).toBe(false);
    const again = begin(one, `${touch('lost')} [[say done]]`);
    expect((await asked(one, number + 1)).approvalId).not.toBe(approval.approvalId);
    await decide(one, { kind: 'allow' }, number + 1);
    await again.end;
    expect(await isMade(one, 'lost')).toBe(true);
  });

  it('is lost with its worker, from the first word of the next owner on; the stale answer changes nothing [F-06] [F-10]', async () => {
    const number = next();
    begin(one, `${touch('taken')} [[say done]]`);
    const approval = await asked(one, number);
    await using _heir = await system.startWorker({ HOLDFAST_WORKER_ID: 'w2' });
    await worker.stop('SIGKILL');
    const lost = await resolved(one, approval);
    expect(lost).toMatchObject({ outcome: 'lost', by: null });
    const changed = await one.one('owner_changed', { offset: lost.offset - 1 });
    expect(changed.workerId).toBe('w2');
    expect(await redis.exists(sessionKeys(one.session.sessionId).approvals)).toBe(0);
    await expect(one.session.decide(approval.approvalId, { kind: 'allow' })).rejects.toMatchObject({
      code: 'approval_lost',
    });
    await one.until(() => one.all('turn_interrupted').find(({ turnId }) => turnId === approval.turnId), {
      what: 'the end of the turn',
    });
    const again = begin(one, `${touch('taken')} [[say done]]`);
    await decide(one, { kind: 'allow' }, number + 1);
    await again.end;
    expect(await isMade(one, 'taken')).toBe(true);
  });
});
