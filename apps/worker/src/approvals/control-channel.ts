// Leave to act over the CLI's own pipe: reads what is about it out of the CLI's messages, and answers there.
import type { EventBody } from '@holdfast/shared/protocol';
import type { Answer, ApprovalTransport, Ask } from './ask.ts';
import { modeToldBy, readAsk, readHookCall } from './cli-asks.ts';
import type { PermissionGate } from './permission-gate.ts';

export interface ControlChannelDeps {
  readonly child: { answer(requestId: string, response: Record<string, unknown>): void };
  readonly gate: PermissionGate;
  readonly onAsk: (ask: Ask) => void;
  readonly onWithdrawn: (askId: string) => void;
  readonly push: (events: readonly EventBody[]) => void;
}

export class ControlChannel implements ApprovalTransport {
  readonly #deps: ControlChannelDeps;

  constructor(deps: ControlChannelDeps) {
    this.#deps = deps;
  }

  answer(askId: string, answer: Answer): void {
    this.#deps.child.answer(askId, { ...answer });
  }

  /** Takes a message of the CLI; false when it is (also) for others. Cheap for what is not about leave to act. */
  take(message: unknown): boolean {
    if (typeof message !== 'object' || message === null || !('type' in message)) return false;
    switch (message.type) {
      case 'system': {
        const mode = modeToldBy(message);
        if (mode !== undefined) this.#deps.gate.setMode(mode);
        return false;
      }
      case 'control_request':
        return this.#onRequest(message);
      case 'control_cancel_request': {
        const requestId = textAt(message, 'request_id');
        if (requestId !== undefined) this.#deps.onWithdrawn(requestId);
        return true;
      }
      default:
        return false;
    }
  }

  #onRequest(message: object): boolean {
    const requestId = textAt(message, 'request_id');
    const request: unknown = Reflect.get(message, 'request');
    if (requestId === undefined) return false;
    const hookCall = readHookCall(request);
    if (hookCall !== null) {
      this.#deps.child.answer(requestId, this.#hookAnswer(this.#deps.gate.beforeTool(hookCall)));
      return true;
    }
    const ask = readAsk(requestId, request);
    if (ask === null) {
      this.#deps.child.answer(requestId, {
        behavior: 'deny',
        message: 'Holdfast does not answer this request.',
      });
    } else {
      this.#deps.onAsk(ask);
    }
    return true;
  }

  #hookAnswer(problem: string | null): Record<string, unknown> {
    if (problem === null) return {};
    this.#deps.push([{ type: 'notice', kind: 'permission', text: problem }]);
    const decision = { permissionDecision: 'deny', permissionDecisionReason: problem };
    return { hookSpecificOutput: { hookEventName: 'PreToolUse', ...decision } };
  }
}

function textAt(value: object, name: string): string | undefined {
  const text: unknown = Reflect.get(value, name);
  return typeof text === 'string' ? text : undefined;
}
