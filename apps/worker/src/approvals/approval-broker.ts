// Asks of one session's agent: judged by rules that need nobody, then put to people as approvals, answered exactly
// once. The pending hash in Redis decides who was first; here is who still waits.
import { hash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  ApprovalId,
  canonicalJson,
  mintId,
  type CommandOf,
  type EventBody,
  type EventBodyOf,
  type SessionView,
  type TurnId,
  type UserId,
} from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import type {
  AppendEffects,
  ApprovalChange,
  ApprovalStore,
  Ownership,
  StoredApproval,
  UserRules,
} from '@holdfast/shared/store';
import { fullJitterBackoff } from '@holdfast/shared/util';
import type { EventWriter } from '../session/event-writer.ts';
import type { Step } from '../session/queue-commands.ts';
import { outcomeOf } from './answers.ts';
import { kindOf, questionsOf, rulesOf, type Answer, type ApprovalTransport, type Ask } from './ask.ts';

export interface ApprovalBrokerDeps {
  readonly writer: Pick<EventWriter, 'push' | 'flushed' | 'view'>;
  readonly store: ApprovalStore;
  readonly userRules: UserRules;
  readonly owner: Ownership;
  readonly userId: UserId;
  readonly cwd: string;
  readonly transport: ApprovalTransport;
  /** The turn in flight. */
  readonly turnId: () => TurnId | null;
  readonly now: () => number;
  /** Calls back after so many ms, unless the answer is called first; a timer by default. */
  readonly after?: (ms: number, work: () => void) => () => void;
  readonly logger: Logger;
}

interface Pending {
  readonly approvalId: ApprovalId;
  readonly ask: Ask;
  readonly rules: readonly string[];
  cancelExpiry: () => void;
}

type Resolved = Omit<EventBodyOf<'approval_resolved'>, 'type' | 'approvalId'>;

const LOST = 'The agent that asked is gone; the tool did not run.';
const WITHDRAWN = 'The agent does not wait for this any more; the tool did not run.';
const EXPIRED = 'Nobody answered in time, so this was denied.';
/** Between attempts of what Redis did not answer. */
const RETRY = { baseMs: 50, capMs: 2_000 };

export class ApprovalBroker {
  readonly #deps: ApprovalBrokerDeps;
  /** Who waits: an approval leaves when it is decided what becomes of it, before that is in the log. */
  readonly #pending = new Map<string, Pending>();

  constructor(deps: ApprovalBrokerDeps) {
    this.#deps = deps;
  }

  /** Whether no call waits for a person. */
  get isEmpty(): boolean {
    return this.#pending.size === 0;
  }

  /** Puts an ask to people. */
  ask(ask: Ask): void {
    const { writer, owner, now, turnId } = this.#deps;
    const approvalId = ApprovalId.parse(mintId());
    const kind = kindOf(ask.tool);
    const inputDigest = digestOf(ask.input);
    const rules = rulesOf(ask);
    const seconds = writer.view.settings.approvalExpirySeconds;
    const expiresAt = seconds === undefined ? undefined : now() + seconds * 1_000;
    const stored: StoredApproval = {
      ...{ kind, tool: ask.tool, toolCallId: ask.toolCallId, inputDigest, fence: owner.fence },
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(kind === 'question' ? { questions: questionsOf(ask.input) } : {}),
    };
    const requested: EventBodyOf<'approval_requested'> = {
      ...{ type: 'approval_requested', approvalId, turnId: turnId(), toolCallId: ask.toolCallId },
      ...{ tool: ask.tool, input: ask.input, kind, inputDigest, rules },
      ...(ask.agentId === undefined ? {} : { agentId: ask.agentId }),
      ...(ask.reason === undefined ? {} : { reason: ask.reason }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
    const pending: Pending = { approvalId, ask, rules, cancelExpiry: () => {} };
    if (seconds !== undefined) {
      const { after = timer } = this.#deps;
      pending.cancelExpiry = after(seconds * 1_000, () => void this.#expire(pending));
    }
    this.#pending.set(approvalId, pending);
    const open: ApprovalChange = { op: 'open', approvalId, json: JSON.stringify(stored) };
    writer.push([requested], { approvals: [open] });
  }

  /** The CLI does not wait for this ask any more: its turn was stopped. */
  withdrawn(askId: string): void {
    for (const pending of this.#pending.values()) {
      if (pending.ask.askId === askId) {
        this.#resolve(pending, { outcome: 'cancelled', message: WITHDRAWN, by: null }, {});
      }
    }
  }

  /**
   * Carries a recorded decision out: what becomes of the ask is in the log before the CLI has its answer. Returns
   * whether an append acknowledges the command; false: nobody waits for this decision any more.
   */
  async decide(command: CommandOf<'decide'>, effects: AppendEffects): Promise<boolean> {
    const pending = this.#pending.get(command.approvalId);
    if (pending === undefined) return false;
    const { decision, by } = command;
    const { answer, resolved } = outcomeOf(decision, { ...pending, by });
    if (resolved.scope === 'always') await this.#keepRules(resolved.rules ?? []);
    // The call may have been withdrawn, or its child have ended, while the rules were stored.
    if (this.#pending.get(command.approvalId) !== pending) return false;
    this.#resolve(pending, resolved, effects);
    await this.#answerWhenLogged(pending, answer);
    return true;
  }

  /** The child is gone, and with it every call that waited. */
  childGone(outcome: 'lost' | 'cancelled'): void {
    const message = outcome === 'lost' ? LOST : WITHDRAWN;
    for (const pending of this.#pending.values()) {
      this.#resolve(pending, { outcome, message, by: null }, {});
    }
  }

  /** What the last owner left pending is lost with its child: for the claim's first append. */
  static inherited(view: Pick<SessionView, 'approvals'>, storedIds: readonly string[]): Step {
    const told = view.approvals.map(({ approvalId }) => approvalId);
    const events = told.map((approvalId): EventBody => ({
      ...{ type: 'approval_resolved', approvalId, outcome: 'lost', message: LOST, by: null },
    }));
    const approvals = [...new Set([...told, ...storedIds])].map((approvalId): ApprovalChange => ({
      ...{ op: 'close', approvalId },
    }));
    return { events, effects: approvals.length === 0 ? {} : { approvals } };
  }

  /** Nobody waits any more, and nothing is told: the session belongs to another owner. */
  stop(): void {
    for (const { cancelExpiry } of this.#pending.values()) cancelExpiry();
    this.#pending.clear();
  }

  #resolve(pending: Pending, resolved: Resolved, effects: AppendEffects): void {
    const { approvalId } = pending;
    pending.cancelExpiry();
    this.#pending.delete(approvalId);
    const event: EventBody = { type: 'approval_resolved', approvalId, ...resolved };
    this.#deps.writer.push([event], { ...effects, approvals: [{ op: 'close', approvalId }] });
  }

  /** An owner that lost its session says nothing to the CLI, which is ended. */
  async #answerWhenLogged(pending: Pending, answer: Answer): Promise<void> {
    if (await this.#deps.writer.flushed()) this.#deps.transport.answer(pending.ask.askId, answer);
  }

  /** A decision that got into the hash before this one counts: its command is on the way. */
  async #expire(pending: Pending): Promise<void> {
    const { store, owner } = this.#deps;
    const { approvalId } = pending;
    const outcome = await this.#untilAnswered(async () => store.expire(owner, approvalId));
    if (outcome !== 'expired' || !this.#pending.has(approvalId)) return;
    this.#resolve(pending, { outcome: 'expired', message: EXPIRED, by: null }, {});
    await this.#answerWhenLogged(pending, { behavior: 'deny', message: EXPIRED });
  }

  async #keepRules(rules: readonly string[]): Promise<void> {
    const { userRules, userId, cwd, owner, now } = this.#deps;
    const { sessionId } = owner;
    await this.#untilAnswered(async () => {
      for (const rule of rules) await userRules.add(userId, { cwd, rule, at: now(), sessionId });
    });
  }

  /** Redis may be away for a while. What is done here may be done twice. */
  async #untilAnswered<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        this.#deps.logger.warn({ err: error }, 'a step of an approval failed and is repeated');
        await pause(fullJitterBackoff({ ...RETRY, attempt, random: Math.random }) + 5);
      }
    }
  }
}

function timer(ms: number, work: () => void): () => void {
  const timeout = setTimeout(work, ms);
  return () => clearTimeout(timeout);
}

/** Names an input: the same for equal inputs, whatever the order of their keys. */
export function digestOf(input: unknown): string {
  return hash('sha256', canonicalJson(input));
}
