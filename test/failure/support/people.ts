// People at work while processes are replaced: they prompt real CLIs, change prompts that wait, follow their sessions,
// and look at lists. Whatever any of them would be shown as an error is noted.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { HoldfastError, type Client, type Session } from '@holdfast/client';
import { PromptId, tryParseEvent, type SessionEvent, type SessionId } from '@holdfast/shared/protocol';
import { createEventLog, createSessionStore } from '@holdfast/shared/store';
import { until } from '../../support/until.ts';
import type { LogRig, RigClient } from './log-rig.ts';

const COUNT_FILE = 'count.txt';
/** Longer than any hand-over may take. */
const TURN_LIMIT_MS = 30_000;

/** What was shown to somebody as an error: a sentence each. */
export type Shown = string[];

/** One person with a session of their own, through a client of their own, and a second client that reads along. */
export class Person {
  readonly reader: RigClient;
  /** From sending a prompt to its acknowledgement, and to the end of its turn: the longest. */
  readonly slowestMs = { accepted: 0, ended: 0 };
  prompts = 0;
  readonly #rig: LogRig;
  readonly #client: Client;
  readonly #session: Session;
  readonly #shown: Shown;
  #seen = 0;
  readonly #ended = new Set<string>();

  private constructor(input: {
    rig: LogRig;
    url: string;
    reader: RigClient;
    session: Session;
    shown: Shown;
  }) {
    this.#rig = input.rig;
    this.reader = input.reader;
    this.#client = input.reader.client;
    this.#session = input.session;
    this.#shown = input.shown;
    input.rig.follow(input.session.sessionId, { url: input.url });
  }

  static async arrive(input: { rig: LogRig; url: string; client: Client; shown: Shown }): Promise<Person> {
    const { rig, url, client } = input;
    const { session } = await client.create({ settings: { allowedTools: ['Bash'] } });
    const reader = rig.follow(session.sessionId, { url });
    watchConnection(reader.client, input.shown);
    return new Person({ ...input, reader, session: reader.client.session(session.sessionId) });
  }

  get sessionId(): SessionId {
    return this.#session.sessionId;
  }

  /** Prompts one after the other, each with a tool that leaves a trace, until told to stop. */
  async promptUntil(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; this.prompts += 1) await this.#attempt('a prompt', async () => this.#turn());
  }

  /** Sends a prompt, another one that waits behind it and is changed meanwhile; waits for both to end. */
  async #turn(): Promise<void> {
    const [one, two] = [PromptId.parse(randomUUID()), PromptId.parse(randomUUID())];
    const sentAt = performance.now();
    await this.#prompt(one, `${countingTool(one)} [[text count=30 rate=60]]`);
    this.slowestMs.accepted = Math.max(this.slowestMs.accepted, performance.now() - sentAt);
    await this.#prompt(two, 'to be changed');
    await this.#session.editPrompt(two, countingTool(two)).catch((error: unknown) => {
      // It may have begun by then: that is an answer, not a failure.
      if (codeOf(error) !== 'prompt_not_queued') throw error;
    });
    await until(() => this.#hasEnded(one), { what: `the end of ${one}`, limitMs: TURN_LIMIT_MS });
    this.slowestMs.ended = Math.max(this.slowestMs.ended, performance.now() - sentAt);
    await until(() => this.#hasEnded(two), { what: `the end of ${two}`, limitMs: TURN_LIMIT_MS });
  }

  async #prompt(promptId: PromptId, text: string): Promise<void> {
    await this.#session.prompt(text, { promptId });
    this.#rig.records.push({ kind: 'prompt_accepted', session: this.sessionId, promptId });
  }

  /** Looks at the lists, as a page does that is loaded anew. */
  async lookUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#attempt('a list', async () => this.#client.http.list());
      await this.#attempt('an inspection', async () => this.#client.http.inspect(this.sessionId));
      await pause(40, undefined, { signal }).catch(() => undefined);
    }
  }

  /** What the log tells of turns that went wrong, and of tools that ran twice. */
  async aftermath(): Promise<string[]> {
    const log = createEventLog(this.#rig.redis);
    const stored = await log.readAfter({ sessionId: this.sessionId, after: 0, limit: 100_000 });
    const kept = await log.readHistory({ sessionId: this.sessionId, before: null, limit: 100_000 });
    const frames = new Map([...stored, ...kept].map(({ offset, frame }) => [offset, frame]));
    const wrong = [...frames.values()].flatMap((frame) => {
      const event = tryParseEvent(JSON.parse(frame));
      return event !== undefined && isTrouble(event) ? [frame] : [];
    });
    const meta = await createSessionStore(this.#rig.redis).read(this.sessionId);
    const text = await readFile(join(meta?.cwd ?? '', COUNT_FILE), 'utf8').catch(() => '');
    const lines = text.split('\n').filter((line) => line !== '');
    const twice = lines.filter((line, index) => lines.indexOf(line) !== index);
    return [...wrong, ...twice.map((promptId) => `the tool of ${promptId} ran twice`)];
  }

  #hasEnded(promptId: string): boolean {
    const { records } = this.#rig;
    for (; this.#seen < records.length; this.#seen += 1) {
      const record = records[this.#seen];
      if (record?.kind !== 'event' || record.session !== this.sessionId) continue;
      if (record.event?.type === 'turn_started')
        this.#ended.add(`${record.event.turnId}=${record.event.promptId}`);
      if (record.event?.type === 'turn_ended') this.#ended.add(record.event.turnId);
    }
    const turn = [...this.#ended].find((entry) => entry.endsWith(`=${promptId}`));
    return turn !== undefined && this.#ended.has(turn.split('=')[0] ?? '');
  }

  async #attempt(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#shown.push(`${what} failed: ${codeOf(error)}`);
    }
  }
}

/** A connection may say that it is reconnecting; it may not say that it is over. */
export function watchConnection(client: Client, shown: Shown): void {
  client.connection.subscribe(() => {
    const status = client.connection.getSnapshot();
    if (status.kind === 'closed' && status.code !== 'client_closed') shown.push(`closed: ${status.code}`);
  });
}

function countingTool(promptId: string): string {
  return `[[tool Bash {"command":"echo ${promptId} >> ${COUNT_FILE}"}]]`;
}

/** What a person is shown as something that went wrong. */
function isTrouble(event: SessionEvent): boolean {
  if (event.type === 'turn_ended') return event.stopReason !== 'end_turn';
  if (event.type === 'child_exited') return !event.expected;
  return event.type === 'turn_interrupted';
}

function codeOf(error: unknown): string {
  return error instanceof HoldfastError ? error.code : String(error);
}
