// Faults under load: connections cut, connections left half-open, a gateway killed. Every event is counted at every
// client, over all of its connections.
import { setTimeout as pause } from 'node:timers/promises';
import type { TestGateway } from '../../../support/processes.ts';
import { follow, makeSessions, openGateway, type Followers, type Stage } from '../stage.ts';
import { countFaults } from '../windows.ts';

const CLIENTS = 200;
const DURATION_MS = 3_000;
/** The fault comes in the middle of the load. */
const FAULT_AFTER_MS = 1_000;
/** Everybody is back within this. */
const BACK_WITHIN_MS = 500;
const SETTLE_LIMIT_MS = 15_000;

type Fault = (input: {
  readonly stage: Stage;
  readonly followers: Followers;
  readonly first: TestGateway;
  readonly second: TestGateway;
}) => Promise<void>;

const FAULTS: Readonly<Record<string, Fault>> = {
  'cut, back at the same gateway': async ({ stage, followers, first }) =>
    stage.client.call('lose', {
      group: followers.group,
      how: 'cut',
      port: first.port,
      withinMs: BACK_WITHIN_MS,
    }),
  'half-open, back at another gateway': async ({ stage, followers, second }) =>
    stage.client.call('lose', {
      ...{ group: followers.group, how: 'abandon', port: second.port, withinMs: BACK_WITHIN_MS },
    }),
  'gateway killed, back at another': async ({ stage, followers, first, second }) => {
    const { group } = followers;
    await stage.client.call('expectLoss', { group, port: second.port, withinMs: BACK_WITHIN_MS });
    await first.stop('SIGKILL');
  },
};

export async function runLoss(stage: Stage): Promise<void> {
  const { bench, client } = stage;
  const range = await makeSessions(stage, 'holdfast', CLIENTS);
  const rows: (string | number)[][] = [];
  for (const [name, fault] of Object.entries(FAULTS)) {
    bench.report.round(name);
    const first = await openGateway(stage);
    const second = await openGateway(stage);
    const followers = await follow(stage, { range, gateway: first }, 1);
    const seen = await underLoad(stage, followers, async () => fault({ stage, followers, first, second }));
    rows.push([name, seen.sent, seen.lost, seen.duplicated, seen.resets]);
    countFaults(stage, seen);
    await client.call('close', { group: followers.group });
    await bench.release(first);
    await bench.release(second);
  }
  bench.report.table([`fault, ${CLIENTS} clients`, 'events', 'lost', 'twice', 'reset'], rows);
}

async function underLoad(stage: Stage, followers: Followers, fault: () => Promise<void>) {
  const { client, producer, options } = stage;
  const { group, range } = followers;
  await client.call('begin', { group });
  const driving = producer.call('drive', {
    ...{ ...range, active: range.count, size: options.size, rate: options.rate, durationMs: DURATION_MS },
  });
  await pause(FAULT_AFTER_MS);
  await fault();
  const sent = await driving;
  const stats = await client.call('settle', { group, expected: sent, limitMs: SETTLE_LIMIT_MS });
  return { ...stats, sent, lost: sent - stats.received };
}
