// What is decided about a tool call before any person is asked: the mode in which the agent works. Pure state.
import { kindOf, type Ask } from './ask.ts';
import type { HookCall } from './cli-asks.ts';
import { planProblem } from './plan-guard.ts';

/** `allow`: nobody is asked, since permissions are bypassed. */
export type Verdict =
  | { readonly kind: 'ask' }
  | { readonly kind: 'allow' }
  | { readonly kind: 'deny'; readonly message: string };

const ONLY_FREE =
  'In plan mode nobody is asked for leave: only what needs none may run. ' +
  'Finish the plan and ask for its approval with ExitPlanMode.';

export class PermissionGate {
  /** As the CLI told it last: people and the agent itself change it. */
  #mode = 'default';

  get mode(): string {
    return this.#mode;
  }

  /** The CLI works in this mode from here on. */
  setMode(mode: string): void {
    this.#mode = mode;
  }

  /** Every tool call comes by here before the CLI looks at its rules. The sentence why it must not run, or null. */
  beforeTool(call: HookCall): string | null {
    if (call.mode !== undefined) this.#mode = call.mode;
    return this.#mode === 'plan' ? planProblem(call, call.configDir) : null;
  }

  /** A call that the CLI's rules do not settle. */
  judge(ask: Ask, isBypassed: boolean): Verdict {
    if (kindOf(ask.tool) !== 'tool') return { kind: 'ask' };
    if (this.#mode === 'plan') return { kind: 'deny', message: ONLY_FREE };
    return { kind: isBypassed && this.#mode === 'default' ? 'allow' : 'ask' };
  }
}
