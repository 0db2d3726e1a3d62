// What one client was told of one session: offsets one apart, the same events as in the log, and openly told
// whenever that is impossible.
import { lastOffsetOf, type SessionEvent } from '@holdfast/shared/protocol';
import type { Findings } from './findings.ts';
import {
  digestOf,
  link,
  type ClientRecord,
  type EndRecord,
  type EventRecord,
  type HeadRecord,
  type ResetRecord,
} from './history.ts';
import type { SessionLog } from './session-log.ts';

interface Place {
  readonly epoch: string;
  readonly offset: number;
  readonly chain: string;
}

export class ClientCheck {
  readonly #name: string;
  readonly #log: SessionLog;
  readonly #findings: Findings;
  #at: Place | null = null;
  /** Offsets that were passed over; one that comes later is out of order rather than lost. */
  #holes = new Set<number>();

  constructor(name: string, log: SessionLog, findings: Findings) {
    this.#name = `${name} at ${log.session}`;
    this.#log = log;
    this.#findings = findings;
  }

  take(record: ClientRecord, head: HeadRecord | undefined): void {
    if (record.kind === 'reset') this.#onReset(record);
    else if (record.kind === 'resume') this.#at = this.#placeAt(record.epoch, record.offset);
    else if (record.kind === 'event') this.#onEvent(record);
    else if (record.kind === 'caught_up') this.#onCaughtUp(record);
    else this.#onEnd(record, head);
  }

  #onReset(record: ResetRecord): void {
    const { resets } = this.#findings.stats;
    resets[record.reason] = (resets[record.reason] ?? 0) + 1;
    this.#holes.clear();
    this.#at = this.#placeAt(record.epoch, record.offset);
  }

  #placeAt(epoch: string, offset: number): Place {
    return { epoch, offset, chain: this.#log.chainAt(epoch, offset) };
  }

  #onEvent(record: EventRecord): void {
    const at = this.#at ?? this.#placeAt(record.epoch, 0);
    const where = `${this.#name} got ${record.epoch}:${record.offset}`;
    if (record.epoch !== at.epoch) {
      this.#findings.add('divergedSilently', `${where} after ${at.epoch}:${at.offset} without a reset`);
      this.#at = this.#placeAt(record.epoch, lastOf(record));
      return;
    }
    if (record.offset <= at.offset) {
      this.#onOld(record, where);
      return;
    }
    for (let hole = at.offset + 1; hole < record.offset; hole += 1) {
      this.#holes.add(hole);
      this.#findings.add('lost', `${this.#name} never got ${at.epoch}:${hole}`);
    }
    const before = record.offset === at.offset + 1 ? at : this.#placeAt(at.epoch, record.offset - 1);
    this.#compare(record, before);
  }

  #onOld(record: EventRecord, where: string): void {
    if (this.#holes.delete(record.offset)) {
      this.#findings.takeBack('lost');
      this.#findings.add('reordered', `${where} late`);
    } else this.#findings.add('duplicated', `${where} twice`);
  }

  #compare(record: EventRecord, before: Place): void {
    const last = lastOf(record);
    const expected = this.#placeAt(before.epoch, last);
    this.#findings.stats.delivered += last - record.offset + 1;
    const isSame =
      record.event !== undefined && last > record.offset
        ? this.#isMergeOf(record.event, before.epoch)
        : link(before.chain, record.digest) === expected.chain;
    if (!isSame) {
      this.#findings.add(
        'divergedSilently',
        `${this.#name} got another event ${before.epoch}:${record.offset}`,
      );
    }
    this.#at = expected;
  }

  /** A merged delta says what its parts say, as far as those are known. */
  #isMergeOf(event: SessionEvent, epoch: string): boolean {
    this.#findings.stats.merged += 1;
    if (event.type !== 'message_delta') return false;
    let text = '';
    for (let offset = event.offset; offset <= lastOffsetOf(event); offset += 1) {
      const part = this.#log.eventAt(epoch, offset);
      if (part === undefined) return true;
      if (part.type !== 'message_delta' || !isSameBlock(part, event)) return false;
      text += part.text;
    }
    return text === event.text;
  }

  #onCaughtUp(record: { readonly epoch: string; readonly offset: number }): void {
    const at = this.#at;
    if (at === null) this.#at = this.#placeAt(record.epoch, record.offset);
    else if (record.epoch !== at.epoch || record.offset !== at.offset) {
      const told = `${record.epoch}:${record.offset}`;
      this.#findings.add('lost', `${this.#name} was told it had ${told}, but had ${at.epoch}:${at.offset}`);
    }
  }

  #onEnd(record: EndRecord, head: HeadRecord | undefined): void {
    this.#findings.stats.ended += 1;
    if (head === undefined) return;
    const at = this.#at ?? { epoch: '', offset: 0 };
    if (at.epoch !== head.epoch) {
      const problem = `${this.#name} ended in epoch ${at.epoch || 'none'}, the log in ${head.epoch}`;
      this.#findings.add('lost', problem, head.head);
    } else if (at.offset < head.head) {
      const problem = `${this.#name} ended at ${at.offset}, the log at ${head.head}`;
      this.#findings.add('lost', problem, head.head - at.offset);
    } else if (at.offset > head.head) {
      this.#findings.add(
        'divergedSilently',
        `${this.#name} ended at ${at.offset}, after the log's ${head.head}`,
      );
    } else if (record.offset !== at.offset) {
      this.#findings.add('lost', `${this.#name} ended at ${record.offset} without having got it`);
    }
  }
}

function lastOf(record: EventRecord): number {
  return record.event === undefined ? record.offset : lastOffsetOf(record.event);
}

type Delta = Extract<SessionEvent, { type: 'message_delta' }>;

function isSameBlock(part: Delta, merged: Delta): boolean {
  const plain = ({ offset: _offset, upTo: _upTo, at: _at, text: _text, ...rest }: Delta): unknown => rest;
  return digestOf(plain(part)) === digestOf(plain(merged));
}
