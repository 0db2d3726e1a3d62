// What a CLI may do that the real one can't be made to do. A scripted agent does it, under a real worker; a session
// beside it must never notice, and the session itself ends up able to work.
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { textContent } from '@holdfast/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planContainment } from '../../../apps/worker/src/process/containment.ts';
import type { Follower } from '../../e2e/support/system.ts';
import { isLiving, processesLike, uniqueSleep } from '../../support/proc.ts';
import type { Service } from '../../support/processes.ts';
import { until } from '../../support/until.ts';
import { NOTHING_WRONG } from '../../failure/support/expect.ts';
import { OwnersRig, type CutWorker, type Watched } from '../../failure/support/owners.ts';

const AGENT = fileURLToPath(new URL('../../failure/support/wild-agent.mjs', import.meta.url));
const { kind: containment } = await planContainment('auto', process.getuid?.() ?? -1);

let rig: OwnersRig;
let worker: CutWorker;
beforeAll(async () => {
  rig = await OwnersRig.start();
  worker = await rig.startWorker({ CLAUDE_PATH: AGENT });
});
afterAll(async () => rig[Symbol.asyncDispose]());

/** A session whose agent has answered once. */
async function tame(): Promise<Watched> {
  const watched = await rig.createSession();
  expect(await said(watched.follower, 'say hello')).toBe('hello');
  return watched;
}

async function said(follower: Follower, prompt: string): Promise<string> {
  const { turnId, stopReason } = await follower.turn(prompt);
  expect(stopReason).toBe('end_turn');
  return follower.textOf(turnId);
}

/** Starts a turn, waits until it runs, aborts it, and gives its end and how long that took. */
async function abort(follower: Follower, prompt: string): Promise<{ stopReason: string; ms: number }> {
  const { promptId } = await follower.session.prompt(prompt);
  const { turnId } = await follower.one('turn_started', { promptId });
  const startedAt = performance.now();
  await follower.session.abort({ turnId });
  const { stopReason } = await follower.one('turn_ended', { turnId });
  return { stopReason, ms: performance.now() - startedAt };
}

/** The session works, nothing of its history is wrong, every turn has one end. */
async function endsWell({ sessionId, follower }: Watched): Promise<void> {
  expect(await said(follower, 'say well')).toBe('well');
  expect(await rig.log.verdict(sessionId)).toMatchObject(NOTHING_WRONG);
  const ends = [...follower.all('turn_ended'), ...follower.all('turn_interrupted')];
  const started = follower.all('turn_started').map(({ turnId }) => turnId);
  expect(ends.map(({ turnId }) => turnId).toSorted()).toEqual(started.toSorted());
  expect(worker.isRunning()).toBe(true);
}

describe('an agent', () => {
  it.concurrent('that hears neither interrupt nor SIGINT nor SIGTERM is ended by the ladder; the turn is aborted, the next one runs [C-02] [C-03]', async () => {
    const one = await tame();
    const { pid } = one.follower;
    const { stopReason, ms } = await abort(one.follower, 'deaf');
    expect(stopReason).toBe('aborted');
    expect(ms).toBeLessThan(10_000);
    expect(await isLiving(pid)).toBe(false);
    expect(one.follower.all('child_exited')).toMatchObject([{ cause: 'abort_ignored' }]);
    await endsWell(one);
  });

  it.concurrent('that agrees to an interrupt and goes on is ended, too [C-02] [C-03]', async () => {
    const one = await tame();
    expect((await abort(one.follower, 'yes-man')).stopReason).toBe('aborted');
    await endsWell(one);
  });

  it.concurrent('that floods its output is read at the pace of Redis, to the last byte', async () => {
    const one = await tame();
    expect(await said(one.follower, 'flood 4')).toBe('that was all');
    const text = one.follower.all('message_delta').map((event) => event.text);
    expect(text.join('')).toBe('x'.repeat(4_000_000));
    await endsWell(one);
  });

  it.concurrent('whose line is longer than 16 MiB is ended with an event that says so [A-12]', async () => {
    const one = await tame();
    await one.follower.session.prompt('long-line');
    expect(await one.follower.one('child_exited')).toMatchObject({
      cause: 'stdout_line_too_long',
      expected: false,
    });
    expect(await one.follower.one('turn_interrupted')).toMatchObject({ delivered: true });
    await endsWell(one);
  });

  it.concurrent('that dies in mid-line leaves no half event; it is not active any more and absorbs no abort [A-08] [A-12]', async () => {
    const one = await tame();
    const { follower, client, sessionId } = one;
    const before = follower.all('message_completed').length;
    await follower.session.prompt('die-mid-line');
    expect(await follower.one('turn_interrupted')).toMatchObject({ delivered: true });
    expect(follower.all('child_exited')).toMatchObject([{ exitCode: 7, expected: false }]);
    expect(follower.all('message_completed')).toHaveLength(before);
    expect((await client.http.inspect(sessionId)).session.status).toBe('idle');
    expect(await follower.session.abort()).toMatchObject({ turnId: null });
    expect(follower.all('abort_requested')).toEqual([]);
    await endsWell(one);
  });

  it.runIf(containment === 'namespace').concurrent(
    'that leaves daemons behind takes them along: when it dies, and when its session is deleted [A-16]',
    async () => {
      const one = await tame();
      const { follower } = one;
      const [first, second] = [uniqueSleep(), `8${uniqueSleep()}`];
      await follower.session.prompt(`daemons ${first} die`);
      await until(async () => (await processesLike(`sleep ${first}`)).length >= 4, { what: 'daemons' });
      await follower.one('turn_interrupted');
      await goneSoon(`sleep ${first}`);
      expect(await said(follower, `daemons ${second}`)).toBe('they run');
      expect((await processesLike(`sleep ${second}`)).length).toBeGreaterThanOrEqual(4);
      for (const reader of one.clients) reader.leave();
      await one.client.http.delete(one.sessionId);
      await goneSoon(`sleep ${second}`);
      expect(worker.isRunning()).toBe(true);
    },
  );

  it.concurrent('that prints garbage is understood all the same [A-12]', async () => {
    const one = await tame();
    expect(await said(one.follower, 'garbage')).toBe('after all that');
    await endsWell(one);
  });

  it.concurrent('that ends a turn three times ends it once, and no other [C-03]', async () => {
    const one = await tame();
    const { follower } = one;
    const { promptId } = await follower.session.prompt('repeat');
    const next = await follower.session.prompt('say next');
    await follower.until(() => follower.all('turn_ended').length >= 3, { what: 'both turns' });
    const turns = follower.all('turn_started').filter((turn) => turn.promptId !== null);
    const turnOf = (id: string): string => turns.find((turn) => turn.promptId === id)?.turnId ?? '';
    expect(follower.textOf(turnOf(promptId))).toBe('once');
    expect(follower.textOf(turnOf(next.promptId))).toBe('next');
    await endsWell(one);
  });

  it.concurrent('that never says it is idle keeps nobody waiting', async () => {
    const one = await tame();
    const startedAt = performance.now();
    expect(await said(one.follower, 'restless')).toBe('done');
    expect(await said(one.follower, 'restless')).toBe('done');
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await endsWell(one);
  });

  it.concurrent('that begins a turn by itself is shown with it; the prompt that waits is answered by its own turn [A-15]', async () => {
    const one = await tame();
    const { follower } = one;
    const first = await follower.session.prompt('on-its-own');
    const second = await follower.session.prompt('say second');
    await follower.until(() => follower.all('turn_ended').length >= 4, { what: 'three more turns' });
    const turns = follower.all('turn_started').slice(1);
    const texts = new Map(turns.map(({ promptId, turnId }) => [promptId, follower.textOf(turnId)]));
    expect([texts.get(first.promptId), texts.get(null), texts.get(second.promptId)]).toEqual([
      'yours',
      'mine',
      'second',
    ]);
    await endsWell(one);
  });

  it.concurrent('that tells a message and an acknowledgement twice doubles no turn and no prompt [B-02]', async () => {
    const one = await tame();
    const { follower } = one;
    const earlier = follower.all('turn_started')[0]?.turnId ?? '';
    expect(await said(follower, `echo ${earlier}`)).toContain('twice told');
    expect(follower.all('turn_started')).toHaveLength(2);
    await endsWell(one);
  });
});

describe('an agent that ends at once, again and again', () => {
  it('is started more and more slowly, with an event for each; the prompt fails with what it said, and others work', async () => {
    const broken = join(rig.dataDir, 'ends-at-once');
    await writeFile(broken, '#!/bin/sh\necho "no licence today" >&2\nexit 3\n');
    await chmod(broken, 0o755);
    await worker.stop();
    await using loop: Service = await rig.startWorker({ CLAUDE_PATH: broken });
    const { follower, client, sessionId } = await rig.createSession();
    await follower.until(() => follower.all('child_exited').length > 0, { what: 'the first end' });
    for (const text of ['one', 'two']) {
      const ended = await follower.turn(text);
      expect(ended).toMatchObject({ stopReason: 'failed', error: { code: 'cli_start_failed' } });
      expect(ended.error?.message).toContain('no licence today');
    }
    const pauses = follower
      .all('notice')
      .flatMap((event) => (event.data?.['pauseMs'] === undefined ? [] : [event.data['pauseMs']]));
    expect(pauses.slice(0, 2)).toEqual([500, 1_000]);
    expect((await client.http.inspect(sessionId)).session.status).toBe('idle');
    expect((await follower.session.prompt(textContent('x'))).promptId).toBeDefined();
    expect(loop.isRunning()).toBe(true);
  });
});

async function goneSoon(command: string): Promise<void> {
  await until(async () => (await processesLike(command)).length === 0, {
    what: `every "${command}" to be gone`,
    limitMs: 2_000,
  });
}
