// Everybody comes back at once: thousands of clients that each missed events, against as many bare upgrades; and how
// many small resumes a gateway does in a second.
import { setTimeout as pause } from 'node:timers/promises';
import { median, medianRatio } from '../../numbers.ts';
import { cpuMs } from '../cpu.ts';
import { follow, IN_FLIGHT, makeSessions, nextAddress, openGateway, type Stage } from '../stage.ts';
import type { SessionRange, SessionRef } from '../types.ts';
import { countFaults } from '../windows.ts';
import type { TestGateway } from '../../../support/processes.ts';

const MISSED = 50;
const ROUNDS = 3;
/** A small resume replays this much. */
const RESUMED = 20;
/** Resumes under way at a time: enough to keep a gateway busy. */
const RESUMES_IN_FLIGHT = 64;
/** Connections that were cut are dealt with by then. */
const PAUSE_MS = 500;

export async function runStorm(stage: Stage): Promise<void> {
  const { bench, options, producer, limit } = stage;
  const gateway = await openGateway(stage);
  const range = await makeSessions(stage, 'holdfast', options.stormClients);
  // Everybody was there before, so that code is compiled and memory is held as in a gateway that has worked.
  const { group } = await follow(stage, { range, gateway }, 1);
  await stage.client.call('close', { group });
  const before = await producer.call('refs', range);
  await producer.call('fill', { ...range, each: MISSED, size: options.size });
  const storms: Spent[] = [];
  const upgrades: Spent[] = [];
  for (let round = 0; round <= Math.min(ROUNDS, options.rounds); round += 1) {
    bench.report.round(`storm, ${round === 0 ? 'warming up' : `round ${round}`}`);
    const bare = await spent(limit.pid, async () => runUpgrades(stage));
    const storm = await spent(gateway.pid, async () => runOneStorm(stage, { gateway, sessions: before }));
    await pause(PAUSE_MS);
    if (round === 0) continue;
    upgrades.push(bare);
    storms.push(storm);
  }
  const row = (name: string, rounds: readonly Spent[]): (string | number)[] => {
    const perClient = median(rounds.map(({ cpu }) => cpu)) / options.stormClients;
    return [name, median(rounds.map(({ ms }) => ms)), perClient * 1_000];
  };
  bench.report.table(
    [`${options.stormClients} clients`, 'ms', 'gateway µs each'],
    [row('bare upgrades', upgrades), row(`${MISSED} missed events each`, storms)],
  );
  const times = (rounds: readonly Spent[]): number[] => rounds.map(({ ms }) => ms);
  bench.report.metric('storm_over_upgrades', medianRatio(times(storms), times(upgrades)));
  await runResumes(stage, { gateway, range });
  await bench.release(gateway);
}

interface Spent {
  readonly ms: number;
  /** CPU of the gateway in ms. */
  readonly cpu: number;
}

async function spent(pid: number, run: () => Promise<number>): Promise<Spent> {
  const before = cpuMs(pid);
  const ms = await run();
  return { ms, cpu: cpuMs(pid) - before };
}

async function runUpgrades(stage: Stage): Promise<number> {
  const { client, limit, options } = stage;
  const target = { port: limit.port, localAddress: nextAddress() };
  const { ms } = await client.call('upgrades', { target, count: options.stormClients, inFlight: IN_FLIGHT });
  await pause(PAUSE_MS);
  return ms;
}

/** From the first connection until the last client is caught up. */
async function runOneStorm(
  stage: Stage,
  input: { readonly gateway: TestGateway; readonly sessions: readonly SessionRef[] },
): Promise<number> {
  const { client, profiler } = stage;
  const target = { port: input.gateway.port, localAddress: nextAddress() };
  const group = 'storm';
  const { ms } = await profiler.during('storm', [['gateway', input.gateway.child]], async () =>
    client.call('open', { group, lane: 'holdfast', target, sessions: input.sessions, inFlight: IN_FLIGHT }),
  );
  const expected = input.sessions.length * MISSED;
  // They say that they are caught up: everything must be there by now.
  const stats = await client.call('settle', { group, expected, limitMs: 100 });
  countFaults(stage, { ...stats, lost: expected - stats.received });
  await client.call('close', { group });
  await pause(PAUSE_MS);
  return ms;
}

async function runResumes(
  stage: Stage,
  input: { readonly gateway: TestGateway; readonly range: SessionRange },
): Promise<void> {
  const { bench, client, producer, options } = stage;
  const { gateway, range } = input;
  const heads = await producer.call('refs', range);
  const sessions = heads.map((ref) => ({
    ...ref,
    offset: ref.offset - RESUMED,
    count: ref.count - RESUMED,
  }));
  const rates: number[] = [];
  const cores: number[] = [];
  for (let round = 0; round < Math.min(ROUNDS, options.rounds); round += 1) {
    bench.report.round(`resumes, round ${round + 1}`);
    const target = { port: gateway.port, localAddress: nextAddress() };
    const cpuBefore = cpuMs(gateway.pid);
    const done = await stage.profiler.during('resumes', [['gateway', gateway.child]], async () =>
      client.call('resumes', {
        ...{ target, sessions, inFlight: RESUMES_IN_FLIGHT, durationMs: options.windowMs },
      }),
    );
    rates.push((done.resumes * 1_000) / done.ms);
    cores.push((cpuMs(gateway.pid) - cpuBefore) / done.ms);
    bench.report.count('lost', done.resumes * RESUMED - done.events);
  }
  bench.report.line(
    `resumes (connect, hello, attach, ${RESUMED} events): ${median(rates).toFixed(0)} per second, ` +
      `the gateway on ${median(cores).toFixed(2)} of a core`,
  );
  bench.report.metric('resume_per_s', median(rates));
}
