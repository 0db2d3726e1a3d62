// One rolling replacement under load, from the first prompt to the checker's verdict.

import { Client } from '@holdfast/client';
import type { Verdict } from '../../checker/findings.ts';
import { TEST_TOKEN, type Exit } from '../../support/processes.ts';
import type { Fleet } from './fleet.ts';
import { LogRig } from './log-rig.ts';
import { Person, watchConnection, type Shown } from './people.ts';

export interface RolloutOptions {
  /** Each with a session of their own, run by a real CLI. */
  readonly people: number;
  /** Sessions whose owner is the test, written all the time at a few hundred events per second each. */
  readonly written: number;
  /** How often everything is replaced. */
  readonly rounds: number;
}

export interface RolloutOutcome {
  /** What anybody was shown as an error, and what of it the logs tell. */
  readonly shown: Shown;
  readonly verdicts: readonly Verdict[];
  readonly exits: readonly Exit[];
  /** How often readers caught up again. */
  readonly reconnects: number;
  /** Owners of the people's sessions, one after the other. */
  readonly owners: number;
  readonly people: number;
  readonly prompts: number;
  readonly slowestMs: { readonly accepted: number; readonly ended: number };
}

export async function rollOver(fleet: Fleet, options: RolloutOptions): Promise<RolloutOutcome> {
  await using rig = new LogRig(fleet.redis.connect(), fleet.redis.address);
  using client = new Client({ url: fleet.url, token: TEST_TOKEN });
  const shown: Shown = [];
  const stop = new AbortController();
  const people = await Promise.all(
    Array.from({ length: options.people }, async () => Person.arrive({ rig, url: fleet.url, client, shown })),
  );
  const written = await Promise.all(Array.from({ length: options.written }, async () => rig.createSession()));
  const writing = written.map(async (sessionId) => {
    const writer = await rig.claim(sessionId);
    const reader = rig.follow(sessionId, { url: fleet.url });
    watchConnection(reader.client, shown);
    await writer.turnsUntil(stop.signal, reader);
  });
  const working = people.flatMap((person) => [
    person.promptUntil(stop.signal),
    person.lookUntil(stop.signal),
  ]);
  const exits = await replaceAll(fleet, options.rounds);
  stop.abort();
  await Promise.all([...working, ...writing]);
  const sessions = [...people.map(({ sessionId }) => sessionId), ...written];
  const verdicts: Verdict[] = [];
  for (const sessionId of sessions) verdicts.push(await rig.verdict(sessionId));
  for (const person of people) shown.push(...(await person.aftermath()));
  return {
    ...{ shown, verdicts, exits, people: people.length },
    reconnects:
      rig.records.filter(({ kind }) => kind === 'caught_up').length - 2 * people.length - written.length,
    owners: countOwners(rig, people),
    prompts: people.reduce((sum, person) => sum + person.prompts, 0),
    slowestMs: {
      accepted: Math.max(...people.map(({ slowestMs }) => slowestMs.accepted)),
      ended: Math.max(...people.map(({ slowestMs }) => slowestMs.ended)),
    },
  };
}

/** Gateways and workers one after the other, each new one beside the old one; both tiers at the same time. */
async function replaceAll(fleet: Fleet, rounds: number): Promise<Exit[]> {
  const exits: Exit[] = [];
  const replace = async (count: number, one: () => Promise<Exit>): Promise<void> => {
    for (let place = 0; place < count; place += 1) exits.push(await one());
  };
  await Promise.all([
    replace(rounds * fleet.gateways.length, async () => fleet.replaceGateway()),
    replace(rounds * fleet.workers.length, async () => fleet.replaceWorker()),
  ]);
  return exits;
}

function countOwners(rig: LogRig, people: readonly Person[]): number {
  const counts = people.map(({ sessionId }) => ownersOf(rig, sessionId));
  return counts.reduce((sum, count) => sum + count, 0);
}

function ownersOf(rig: LogRig, sessionId: string): number {
  const offsets = rig.records.flatMap((record) =>
    record.kind === 'stored' &&
    record.session === sessionId &&
    record.frame.includes('"type":"owner_changed"')
      ? [record.offset]
      : [],
  );
  return new Set(offsets).size;
}
