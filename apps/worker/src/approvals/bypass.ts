// Letting everything through that a person would be asked for: for a while, where the operator allows it, in default
// mode only, and for the agent that runs: nothing arms it again.
import type { CommandOf, EventBody, UserId } from '@holdfast/shared/protocol';

export interface BypassDeps {
  /** Longest time in minutes; 0: never. */
  readonly maxMinutes: number;
  readonly now: () => number;
  readonly push: (events: readonly EventBody[]) => void;
}

/** Longest time a timer can wait is more than any policy may allow. */
const MINUTE_MS = 60_000;

export class Bypass {
  readonly #deps: BypassDeps;
  #timer: NodeJS.Timeout | undefined;
  #until: number | null = null;

  constructor(deps: BypassDeps) {
    this.#deps = deps;
  }

  get isOn(): boolean {
    return this.#until !== null && this.#deps.now() < this.#until;
  }

  /** What the command leads to: on, off, or a notice of why not. `mode`: the one the agent works in. */
  request(command: CommandOf<'bypass'>, mode: string): EventBody[] {
    const { minutes, by } = command;
    if (minutes === 0) return this.#off(by, 'A person ended it.');
    const problem = this.#problem(minutes, mode);
    if (problem !== null) return [{ type: 'notice', kind: 'permission', text: problem }];
    const until = this.#deps.now() + minutes * MINUTE_MS;
    clearTimeout(this.#timer);
    this.#until = until;
    this.#timer = setTimeout(() => this.end('Its time is over.'), minutes * MINUTE_MS);
    this.#timer.unref();
    return [{ type: 'bypass_changed', until, by, reason: null }];
  }

  /** Ends it for a reason of ours; nothing happens when it is off. */
  end(reason: string): void {
    this.#deps.push(this.#off(null, reason));
  }

  /** The session is over for this worker: what is left of it ends with the claim of the next owner. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#until = null;
  }

  #off(by: UserId | null, reason: string): EventBody[] {
    if (this.#until === null) return [];
    this.stop();
    return [{ type: 'bypass_changed', until: null, by, reason }];
  }

  #problem(minutes: number, mode: string): string | null {
    const { maxMinutes } = this.#deps;
    if (maxMinutes === 0)
      return 'Permissions are not bypassed: the policy of this service does not allow it.';
    if (minutes > maxMinutes) return `Permissions are bypassed for ${maxMinutes} minutes at most.`;
    if (mode === 'default') return null;
    return `Permissions are not bypassed in the mode ${mode}: an explicit mode comes first.`;
  }
}
