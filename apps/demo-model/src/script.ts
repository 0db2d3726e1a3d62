// Decides what to answer: conversation in, one answer out. Pure; stream.ts plays the answer.
import { assertNever } from '@holdfast/shared/util';
import { cannedAnswer, closingAnswer, compactionAnswer, wrongMarkerAnswer } from './canned.ts';
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
  readonly id: number;
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
  if (isCompaction(situation.prompt)) return textAnswer(compactionAnswer);
  const script = [situation.prompt, ...situation.steers].flatMap(planPrompt);
  return script[situation.answersGiven] ?? textAnswer(closingAnswer);
}

function isCompaction(prompt: string): boolean {
  return prompt.startsWith('CRITICAL: Respond with TEXT ONLY');
}

function textAnswer(text: string): Answer {
  return { steps: [{ kind: 'words', block: 'text', text, rate: 0 }], stopReason: 'end_turn', usage: {} };
}

function planPrompt(prompt: string): readonly Answer[] {
  const parsed = parsePrompt(prompt);
  switch (parsed.kind) {
    case 'plain':
      return [textAnswer(cannedAnswer(prompt))];
    case 'invalid':
      return [textAnswer(wrongMarkerAnswer(parsed))];
    case 'script':
      return planScript(parsed.markers);
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
function planScript(markers: readonly Marker[]): Answer[] {
  const answers: Answer[] = [];
  let open = newAnswer();
  let rate = 0;
  for (const [id, marker] of markers.entries()) {
    if (open.isEnded && marker.kind !== 'also') {
      answers.push(open);
      open = newAnswer();
    }
    if (marker.kind === 'rate') rate = marker.tokensPerSecond;
    else addMarker(open, marker, { id, rate });
  }
  if (open.steps.length > 0 || open.isEnded) answers.push(open);
  return answers;
}

function addMarker(
  answer: OpenAnswer,
  marker: Exclude<Marker, { kind: 'rate' }>,
  { id, rate }: { readonly id: number; readonly rate: number },
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
