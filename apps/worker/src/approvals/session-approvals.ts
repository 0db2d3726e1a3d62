// The parts of one session that settle what its agent may do, put together: the gate that needs nobody, the broker
// that asks people, and the way the questions come.
import type {
  CommandOf,
  EventBody,
  SessionSettings,
  SessionView,
  TurnId,
  UserId,
} from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import type { AppendEffects, ApprovalStore, Ownership, UserRules, UserTrust } from '@holdfast/shared/store';
import type { StartOptions } from '../session/child-host.ts';
import type { EventWriter } from '../session/event-writer.ts';
import type { Step } from '../session/queue-commands.ts';
import { ApprovalBroker } from './approval-broker.ts';
import type { ApprovalTransport, Ask } from './ask.ts';
import { Bypass } from './bypass.ts';
import { ControlChannel } from './control-channel.ts';
import type { BridgeSeat, McpBridge } from './mcp-bridge.ts';
import { PermissionGate } from './permission-gate.ts';
import { spawnRules, type Policy } from './policy.ts';

/** What all sessions of a worker have in common. */
export interface ApprovalEnvironment {
  readonly store: ApprovalStore;
  readonly userRules: UserRules;
  readonly trust: UserTrust;
  readonly policy: Policy;
  /** Where CLIs ask for leave; null: each on its own pipe. */
  readonly bridge: McpBridge | null;
}

export interface SessionApprovalsDeps extends ApprovalEnvironment {
  readonly writer: Pick<EventWriter, 'push' | 'flushed' | 'view'>;
  readonly child: { answer(requestId: string, response: Record<string, unknown>): void };
  readonly owner: Ownership;
  readonly userId: UserId;
  readonly cwd: string;
  readonly turnId: () => TurnId | null;
  readonly now: () => number;
  readonly logger: Logger;
}

export class SessionApprovals {
  readonly #deps: SessionApprovalsDeps;
  readonly #gate = new PermissionGate();
  readonly #channel: ControlChannel;
  readonly #broker: ApprovalBroker;
  readonly #seat: BridgeSeat | undefined;
  readonly #bypass: Bypass;

  constructor(deps: SessionApprovalsDeps) {
    const { writer, child } = deps;
    this.#deps = deps;
    const asking = {
      onAsk: (ask: Ask) => this.#onAsk(ask),
      onWithdrawn: (askId: string) => this.#broker.withdrawn(askId),
    };
    const push = (events: readonly EventBody[]): void => writer.push(events);
    this.#bypass = new Bypass({ push, now: deps.now, maxMinutes: deps.policy.bypassMinutes });
    this.#seat = deps.bridge?.open(asking);
    this.#channel = new ControlChannel({
      ...{ ...asking, child, gate: this.#gate },
      push,
    });
    this.#broker = new ApprovalBroker({ ...deps, transport: this.#transport });
  }

  get #transport(): ApprovalTransport {
    return this.#seat ?? this.#channel;
  }

  get isEmpty(): boolean {
    return this.#broker.isEmpty;
  }

  /** What a CLI that starts now is to allow, deny and ask for by policy and user, and where it asks. */
  async starting(settings: SessionSettings): Promise<Pick<StartOptions, 'rules' | 'bridge'>> {
    const { userRules, userId, cwd, policy } = this.#deps;
    const always = await userRules.list(userId, cwd);
    this.#gate.setMode(settings.permissionMode);
    return { rules: spawnRules(policy, always), bridge: this.#seat };
  }

  /** The agent works in this mode from here on. */
  setMode(mode: string): void {
    this.#gate.setMode(mode);
  }

  /** Takes a message of the CLI; false when it is (also) for others. */
  take(message: unknown): boolean {
    const isTaken = this.#channel.take(message);
    const { mode } = this.#gate;
    if (mode !== 'default') this.#bypass.end(`The agent works in the mode ${mode}.`);
    return isTaken;
  }

  /** Lets everything through for a while, or not any more. Returns whether an append acknowledges the command. */
  bypass(command: CommandOf<'bypass'>, effects: AppendEffects): boolean {
    const events = this.#bypass.request(command, this.#gate.mode);
    if (events.length > 0) this.#deps.writer.push(events, effects);
    return events.length > 0;
  }

  /** Carries a recorded decision out; see {@link ApprovalBroker.decide}. */
  async decide(command: CommandOf<'decide'>, effects: AppendEffects): Promise<boolean> {
    return this.#broker.decide(command, effects);
  }

  /** The child is gone. `cause`: what we ended it for. */
  childGone(cause: string): void {
    this.#broker.childGone(cause === 'abort_ignored' ? 'cancelled' : 'lost');
    this.#bypass.end('The agent ended.');
  }

  /** What the last owner left pending, for the claim's first append. */
  async inherited(view: SessionView): Promise<Step> {
    const ids = await this.#deps.store.ids(this.#deps.owner.sessionId);
    const { events, effects } = ApprovalBroker.inherited(view, ids);
    if (view.bypass === null) return { events, effects };
    const ended = { type: 'bypass_changed', until: null, by: null, reason: 'Its worker was lost.' } as const;
    return { events: [...events, ended], effects };
  }

  /** The session is over for this worker. */
  stop(): void {
    this.#broker.stop();
    this.#bypass.stop();
    this.#seat?.close();
  }

  #onAsk(ask: Ask): void {
    const verdict = this.#gate.judge(ask, this.#bypass.isOn);
    if (verdict.kind === 'ask') return this.#broker.ask(ask);
    const { tool, input } = ask;
    if (verdict.kind === 'allow') {
      const text = `Ran ${tool} without asking: permissions are bypassed.`;
      this.#deps.writer.push([{ type: 'notice', kind: 'permission', text, data: { tool, input } }]);
      this.#transport.answer(ask.askId, { behavior: 'allow', updatedInput: input });
      return;
    }
    const { message } = verdict;
    this.#deps.writer.push([
      { type: 'notice', kind: 'permission', text: `Denied ${tool}: ${message}`, data: { tool, input } },
    ]);
    this.#transport.answer(ask.askId, { behavior: 'deny', message });
  }
}
