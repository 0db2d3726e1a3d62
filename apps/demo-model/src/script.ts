// Decides what to answer: conversation in, one answer out. Pure; stream.ts plays the answer.
import { assertNever } from '@holdfast/shared/util';
import { cannedAnswer, closingAnswer, compactionAnswer, titleAnswer, wrongMarkerAnswer } from './canned.ts';
import type { Situation } from './conversation.ts';
import {
  parsePrompt,
  type ErrorStatus,
  type Marker,
  type StopReason,
  type UsageOverride,
} from './grammar.ts';

/** One step of an answer. `rate` is in pieces per second, 0 = as fast as possible. */
export type Step =
  | {
      readonly kind: 'words';
      readonly block: 'text' | 'thinking';
      readonly text: string;
      readonly rate: number;
    }
  | { readonly kind: 'tokens'; readonly count: number; readonly size: number; readonly rate: number }
  | { readonly kind: 'tool'; readonly name: string; readonly inputJson: string; readonly rate: number }
  | { readonly kind: 'pause'; readonly ms: number }
  | ({ readonly kind: 'http_error'; readonly status: ErrorStatus; readonly message?: string } & Limited)
  | ({ readonly kind: 'stream_error' } & Limited)
  | ({ readonly kind: 'cut' } & Limited);

/** A fault that happens always, or only the first `times` times; `id` tells the faults of one script apart. */
interface Limited {
  readonly id: string;
  readonly times?: number;
}

/** Everything about one answer that the conversation decides. */
export interface Answer {
  readonly steps: readonly Step[];
  readonly stopReason: StopReason | 'tool_use';
  readonly usage: UsageOverride;
}

/** Chooses the answer that follows in this situation. */
export function chooseAnswer(situation: Situation): Answer {
  const ownCall = answerOwnCall(situation.prompt);
  if (ownCall !== undefined) return textAnswer(ownCall);
  const script = planPrompt(situation.prompt, 0);
  for (const [index, steer] of situation.steers.entries()) addSteer(script, planPrompt(steer, index + 1));
  return withContent(script[situation.answersGiven] ?? textAnswer(closingAnswer));
}

/** An answer that shows nothing is none to the CLI, which would ask for it again: it gets the closing text. */
function withContent(answer: Answer): Answer {
  if (answer.steps.some(isVisible)) return answer;
  return { ...answer, steps: [...answer.steps, ...textAnswer(closingAnswer).steps] };
}

function isVisible(step: Step): boolean {
  return step.kind === 'words' ? step.block === 'text' : step.kind === 'tokens' || step.kind === 'tool';
}

/** A prompt delivered into a running turn is answered before the turn ends: in the same answer as the script's last words. */
function addSteer(script: Answer[], steer: readonly Answer[]): void {
  const last = script.at(-1);
  const [first, ...rest] = steer;
  if (last?.stopReason !== 'end_turn' || first === undefined) script.push(...steer);
  else {
    const usage = { ...last.usage, ...first.usage };
    // An HTTP error can only come before any content.
    const errors = first.steps.filter(({ kind }) => kind === 'http_error');
    const others = first.steps.filter(({ kind }) => kind !== 'http_error');
    script.splice(-1, 1, { ...first, steps: [...errors, ...last.steps, ...others], usage }, ...rest);
  }
}

/** Calls that the CLI makes for itself; their texts quote prompts, whose markers must not be played. */
function answerOwnCall(prompt: string): string | undefined {
  if (prompt.startsWith('CRITICAL: Respond with TEXT ONLY')) return compactionAnswer;
  if (prompt.startsWith('<session>\n')) return titleAnswer;
  return undefined;
}

function textAnswer(text: string): Answer {
  return { steps: [{ kind: 'words', block: 'text', text, rate: 0 }], stopReason: 'end_turn', usage: {} };
}

/** `scriptNumber` keeps the faults of several scripts in one turn apart. */
function planPrompt(prompt: string, scriptNumber: number): Answer[] {
  const parsed = parsePrompt(prompt);
  switch (parsed.kind) {
    case 'plain':
      return [textAnswer(cannedAnswer(prompt))];
    case 'invalid':
      return [textAnswer(wrongMarkerAnswer(parsed))];
    case 'script':
      return planScript(parsed.markers, scriptNumber);
    default:
      return assertNever(parsed);
  }
}

interface OpenAnswer {
  steps: Step[];
  stopReason: Answer['stopReason'];
  usage: UsageOverride;
  isEnded: boolean;
}

const newAnswer = (): OpenAnswer => ({ steps: [], stopReason: 'end_turn', usage: {}, isEnded: false });

/** Groups markers into answers: an answer ends after its tool calls, or after a stop marker. */
function planScript(markers: readonly Marker[], scriptNumber: number): Answer[] {
  const answers: Answer[] = [];
  let open = newAnswer();
  let rate = 0;
  for (const [index, marker] of markers.entries()) {
    if (open.isEnded && marker.kind !== 'also') {
      answers.push(open);
      open = newAnswer();
    }
    if (marker.kind === 'rate') rate = marker.tokensPerSecond;
    else addMarker(open, marker, { id: `${scriptNumber}.${index}`, rate });
  }
  if (open.steps.length > 0 || open.isEnded) answers.push(open);
  return answers;
}

function addMarker(
  answer: OpenAnswer,
  marker: Exclude<Marker, { kind: 'rate' }>,
  { id, rate }: { readonly id: string; readonly rate: number },
): void {
  switch (marker.kind) {
    case 'say':
    case 'think': {
      const block = marker.kind === 'say' ? 'text' : 'thinking';
      answer.steps.push({ kind: 'words', block, text: marker.text, rate });
      break;
    }
    case 'text':
      answer.steps.push({
        kind: 'tokens',
        count: marker.count,
        size: marker.size ?? 0,
        rate: marker.rate ?? rate,
      });
      break;
    case 'tool':
    case 'also':
      answer.steps.push({ kind: 'tool', name: marker.name, inputJson: JSON.stringify(marker.input), rate });
      answer.stopReason = 'tool_use';
      answer.isEnded = true;
      break;
    case 'slow':
      answer.steps.push({ kind: 'pause', ms: marker.ms });
      break;
    case 'error_status':
      answer.steps.push({ ...marker, kind: 'http_error', id });
      break;
    case 'error_stream':
      answer.steps.push({ ...marker, kind: 'stream_error', id });
      break;
    case 'cut':
      answer.steps.push({ ...marker, kind: 'cut', id });
      break;
    case 'usage':
      answer.usage = { ...answer.usage, ...marker.usage };
      break;
    case 'stop':
      answer.stopReason = marker.reason;
      answer.isEnded = true;
      break;
    default:
      assertNever(marker);
  }
}
