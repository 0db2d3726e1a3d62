// The history checker: decides from the records of a run whether anything was lost, doubled, put out of order, run
// twice, or silently made something else. Pure: the same records give the same verdict.
import { tryParseEvent, type SessionEvent } from '@holdfast/shared/protocol';
import { ClientCheck } from './check-client.ts';
import { checkTurns } from './check-turns.ts';
import { checkWriters } from './check-writers.ts';
import { Findings, type Verdict } from './findings.ts';
import {
  digestOf,
  type ClientRecord,
  type EndRecord,
  type HeadRecord,
  type HistoryRecord,
  type ResetRecord,
  type StoredRecord,
} from './history.ts';
import { isTurnEvent } from './recorders.ts';
import { SessionLog } from './session-log.ts';

interface SessionRecords {
  readonly log: SessionLog;
  readonly stored: StoredRecord[];
  readonly clients: Map<string, ClientRecord[]>;
  readonly accepted: Set<string>;
  head: HeadRecord | undefined;
}

/**
 * Checks a recorded run. Records of one client must be in the order in which things happened to it; writers and
 * clients may come one after the other. What a session must have come to is checked for sessions with a `head`.
 */
export function checkHistory(records: Iterable<HistoryRecord>): Verdict {
  const findings = new Findings();
  for (const session of collect(records).values()) {
    adopt(session);
    const { log, stored, head, accepted } = session;
    checkWriters(log, { head, stored }, findings);
    for (const [client, own] of session.clients) {
      const check = new ClientCheck(client, log, findings);
      for (const record of own) check.take(record, head);
    }
    checkViews(session, findings);
    const events = turnEvents(session);
    checkTurns({ session: log.session, events, accepted, isAtRest: head !== undefined }, findings);
  }
  return findings.verdict();
}

/** Whether nothing at all is wrong. */
export function isClean(verdict: Verdict): boolean {
  const { lost, duplicated, reordered, divergedSilently, promptsRunTwice, problems } = verdict;
  return lost + duplicated + reordered + divergedSilently + promptsRunTwice === 0 && problems.length === 0;
}

function collect(records: Iterable<HistoryRecord>): Map<string, SessionRecords> {
  const sessions = new Map<string, SessionRecords>();
  for (const record of records) {
    const known = sessions.get(record.session) ?? {
      log: new SessionLog(record.session),
      stored: [],
      clients: new Map(),
      accepted: new Set(),
      head: undefined,
    };
    sessions.set(record.session, known);
    addTo(known, record);
  }
  return sessions;
}

function addTo(session: SessionRecords, record: HistoryRecord): void {
  switch (record.kind) {
    case 'attempt':
      return session.log.addAttempt(record);
    case 'ack':
      return session.log.addAck(record);
    case 'stored':
      return void session.stored.push(record);
    case 'head':
      session.head = record;
      return;
    case 'prompt_accepted':
      return void session.accepted.add(record.promptId);
    case 'resume':
    case 'reset':
    case 'event':
    case 'caught_up':
    case 'end': {
      const own = session.clients.get(record.client) ?? [];
      session.clients.set(record.client, own);
      own.push(record);
    }
  }
}

/** What nobody recorded the writing of is known from where it was found: all must have found the same. */
function adopt({ log, stored, head, clients }: SessionRecords): void {
  log.link();
  if (head !== undefined) {
    for (const { offset, frame } of stored) {
      log.addFound(head.epoch, offset, { digest: digestOf(JSON.parse(frame)), frame });
    }
  }
  for (const own of clients.values()) {
    for (const record of own) {
      if (record.kind !== 'event') continue;
      if (record.event?.upTo !== undefined) continue;
      const { epoch, offset, digest, event } = record;
      const frame = event === undefined ? {} : { frame: JSON.stringify(event) };
      log.addFound(epoch, offset, { digest, ...frame });
    }
  }
}

/** A snapshot is the fold of the events before it, and a client shows the fold of all events. */
function checkViews({ log, clients, head }: SessionRecords, findings: Findings): void {
  const wanted: (ResetRecord | (EndRecord & { readonly view: string }))[] = [];
  for (const own of clients.values()) {
    for (const record of own) {
      if (record.kind === 'reset') wanted.push(record);
      else if (record.kind === 'end' && record.view !== undefined && record.epoch === head?.epoch) {
        wanted.push({ ...record, view: record.view });
      }
    }
  }
  for (const epoch of new Set(wanted.map((record) => record.epoch))) {
    const own = wanted.filter((record) => record.epoch === epoch);
    const views = log.viewsAt(
      epoch,
      own.map((record) => record.offset),
    );
    for (const record of own) {
      const expected = views.get(record.offset);
      if (expected === undefined || expected === record.view) continue;
      const what = record.kind === 'reset' ? 'a snapshot' : 'a view';
      const place = `${record.client} at ${record.session} ${epoch}:${record.offset}`;
      findings.add('divergedSilently', `${place} had ${what} that is not the fold of the events before`);
    }
  }
}

/** The events about turns and prompts of the log as it was in the end; without an end, of every epoch. */
function turnEvents({ log, head }: SessionRecords): SessionEvent[] {
  const epochs = head === undefined ? log.epochs() : [{ name: head.epoch, last: head.head }];
  const events: SessionEvent[] = [];
  for (const { name, last } of epochs) {
    for (let offset = 1; offset <= last; offset += 1) {
      const frame = log.at(name, offset)?.frame;
      if (frame === undefined || !/"type":"(turn|prompt|abort)_/.test(frame)) continue;
      const event = tryParseEvent(JSON.parse(frame));
      if (event !== undefined && isTurnEvent(event.type)) events.push(event);
    }
  }
  return events;
}
