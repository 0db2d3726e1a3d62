// What the log itself must be: one writer at a time, nothing acknowledged that is not there in the end.
import type { Findings } from './findings.ts';
import { digestOf, type HeadRecord, type StoredRecord } from './history.ts';
import type { Candidate, SessionLog } from './session-log.ts';

export function checkWriters(
  log: SessionLog,
  rest: { readonly head: HeadRecord | undefined; readonly stored: readonly StoredRecord[] },
  findings: Findings,
): void {
  for (const epoch of log.epochs()) checkEpoch(log, epoch, findings);
  if (rest.head === undefined) return;
  checkTail(log, rest.head, findings);
  for (const { offset, frame } of rest.stored) {
    const expected = log.at(rest.head.epoch, offset);
    if (expected === undefined || expected.digest === digestOf(JSON.parse(frame))) continue;
    const fault = expected.acknowledged ? 'lost' : 'divergedSilently';
    findings.add(fault, `${log.session}: the log holds another event ${offset} than was written`);
  }
}

function checkEpoch(
  log: SessionLog,
  epoch: { readonly name: string; readonly first: number; readonly last: number; readonly end: number },
  findings: Findings,
): void {
  let newest = 0;
  let lastAcknowledged = 0;
  const from = Number.isFinite(epoch.first) ? epoch.first : 1;
  for (let offset = from; offset <= epoch.last; offset += 1) {
    const place = `${log.session} ${epoch.name}:${offset}`;
    const acknowledged = log.candidates(epoch.name, offset).filter((candidate) => candidate.acknowledged);
    findings.stats.acknowledged += acknowledged.length > 0 ? 1 : 0;
    if (acknowledged.length === 0) continue;
    if (offset >= epoch.end) findings.stats.abandoned += 1;
    checkOneEvent(place, acknowledged, findings);
    const fence = Math.max(...acknowledged.map((candidate) => candidate.fence ?? 0));
    if (fence < newest)
      findings.add('divergedSilently', `${place} was written by fence ${fence} after ${newest}`);
    newest = Math.max(newest, fence);
    checkNoHole({ log, epoch: epoch.name, after: lastAcknowledged, offset }, findings);
    lastAcknowledged = offset;
  }
}

function checkOneEvent(place: string, acknowledged: readonly Candidate[], findings: Findings): void {
  const digests = new Set(acknowledged.map((candidate) => candidate.digest));
  if (digests.size > 1) {
    findings.add('lost', `${place} was acknowledged for ${digests.size} different events`, digests.size - 1);
  }
}

/** Between two acknowledged events there is at least an attempt at every offset. */
function checkNoHole(
  range: { log: SessionLog; epoch: string; after: number; offset: number },
  findings: Findings,
): void {
  const { log, epoch, after, offset } = range;
  if (after === 0) return;
  for (let missing = after + 1; missing < offset; missing += 1) {
    if (log.at(epoch, missing) !== undefined) continue;
    findings.add('lost', `${log.session} ${epoch}:${missing} was never written, but ${offset} was`);
  }
}

/** What was acknowledged in the epoch that lasted is in its log. */
function checkTail(log: SessionLog, head: HeadRecord, findings: Findings): void {
  const epoch = log.epochs().find((known) => known.name === head.epoch);
  if (epoch === undefined) return;
  let missing = 0;
  for (let offset = head.head + 1; offset <= epoch.last; offset += 1) {
    if (log.candidates(epoch.name, offset).some((candidate) => candidate.acknowledged)) missing += 1;
  }
  if (missing === 0) return;
  const where = `${log.session} ${head.epoch}`;
  findings.add(
    'lost',
    `${where} ended at ${head.head}, but ${missing} events after that were acknowledged`,
    missing,
  );
}
