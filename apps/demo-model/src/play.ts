// Turns one answer into what goes over the wire: server-sent events with waits between, or one whole message.
import { assertNever } from '@holdfast/shared/util';
import type { Answer, Step } from './script.ts';
import { tokensOf, type Usage } from './usage.ts';

/** What the streamer does next, in order. */
export type Action =
  | { readonly kind: 'send'; readonly text: string }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'cut' };

type FaultStep = Extract<Step, { readonly id: string }>;

/** The faults of one answer; see FaultCounters. */
export interface AnswerFaults {
  readonly happens: (step: FaultStep) => boolean;
  /** Called when the answer got through to its end. */
  readonly forget: () => void;
}

export interface Play {
  /** The steps after the leading pauses and HTTP errors. */
  readonly steps: readonly Step[];
  readonly stopReason: Answer['stopReason'];
  readonly model: string;
  readonly messageId: string;
  /** Input side of the usage; the output side is counted while playing unless it is fixed. */
  readonly usage: Usage;
  readonly faults: AnswerFaults;
}

type WordStep = Extract<Step, { kind: 'words' | 'tokens' }>;
type ToolStep = Extract<Step, { kind: 'tool' }>;

interface OpenBlock {
  readonly kind: 'text' | 'thinking';
  readonly index: number;
}

/** The events of a streamed answer. Ends after message_stop, a stream error, or a cut. */
export function* playStream(play: Play): Generator<Action, void, void> {
  let index = 0;
  let outputChars = 0;
  let open: OpenBlock | undefined;
  yield send('message_start', { message: messageHead(play, [], null) });
  yield send('ping', {});
  for (const step of play.steps) {
    if (step.kind === 'words' || step.kind === 'tokens') {
      const kind = blockKind(step);
      const isContinued = open?.kind === kind;
      if (open !== undefined && !isContinued) yield* closeBlock(open);
      if (open === undefined || !isContinued) {
        open = { kind, index: index++ };
        yield openBlock(open);
      }
      outputChars += yield* playWords(step, open, isContinued ? '\n' : '');
    } else if (step.kind === 'tool') {
      if (open !== undefined) yield* closeBlock(open);
      open = undefined;
      outputChars += step.inputJson.length;
      yield* playTool(step, index++);
    } else if (step.kind === 'pause') yield { kind: 'wait', ms: step.ms };
    else if (step.kind !== 'http_error' && play.faults.happens(step)) {
      yield step.kind === 'cut' ? { kind: 'cut' } : send('error', overloaded);
      return;
    }
  }
  if (open !== undefined) yield* closeBlock(open);
  const output_tokens = play.usage.output_tokens ?? tokensOf(outputChars);
  yield send('message_delta', {
    delta: { stop_reason: play.stopReason, stop_sequence: null },
    usage: { ...play.usage, output_tokens },
  });
  play.faults.forget();
  yield send('message_stop', {});
}

type WholeBlock =
  | { readonly kind: 'text' | 'thinking'; text: string }
  | { readonly kind: 'tool'; readonly name: string; readonly inputJson: string };

/** The same answer as one message, with the time it takes. It has no middle where a fault could happen. */
export function playWhole(play: Play): {
  readonly message: Record<string, unknown>;
  readonly waitMs: number;
} {
  const blocks: WholeBlock[] = [];
  let waitMs = 0;
  for (const step of play.steps) {
    if (step.kind === 'pause') waitMs += step.ms;
    else if (step.kind === 'tool') {
      blocks.push({ kind: 'tool', name: step.name, inputJson: step.inputJson });
      if (step.rate > 0) waitMs += (jsonPieces(step).length * 1000) / step.rate;
    } else if (step.kind === 'words' || step.kind === 'tokens') {
      const pieces = [...wordPieces(step)];
      if (step.rate > 0) waitMs += (pieces.length * 1000) / step.rate;
      const kind = blockKind(step);
      const last = blocks.at(-1);
      if (last?.kind === kind) last.text += `\n${pieces.join('')}`;
      else blocks.push({ kind, text: pieces.join('') });
    }
  }
  play.faults.forget();
  const sizes = blocks.map((block) => (block.kind === 'tool' ? block.inputJson : block.text).length);
  const chars = sizes.reduce((sum, size) => sum + size, 0);
  const head = messageHead(play, blocks.map(wholeBlock), play.stopReason);
  const output_tokens = play.usage.output_tokens ?? tokensOf(chars);
  return { message: { ...head, usage: { ...play.usage, output_tokens } }, waitMs };
}

function wholeBlock(block: WholeBlock): Record<string, unknown> {
  switch (block.kind) {
    case 'text':
      return { type: 'text', text: block.text };
    case 'thinking':
      return { type: 'thinking', thinking: block.text, signature };
    case 'tool':
      return { type: 'tool_use', id: newToolId(), name: block.name, input: JSON.parse(block.inputJson) };
    default:
      return assertNever(block);
  }
}

function send(type: string, data: Record<string, unknown>): Action {
  return { kind: 'send', text: `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n` };
}

const overloaded = { error: { type: 'overloaded_error', message: 'Overloaded' } };

function messageHead(
  play: Play,
  content: readonly unknown[],
  stopReason: string | null,
): Record<string, unknown> {
  return {
    id: play.messageId,
    type: 'message',
    role: 'assistant',
    model: play.model,
    content,
    stop_reason: stopReason,
    stop_sequence: null,
    usage: { ...play.usage, output_tokens: 1 },
  };
}

function blockKind(step: WordStep): 'text' | 'thinking' {
  return step.kind === 'words' ? step.block : 'text';
}

function openBlock({ kind, index }: OpenBlock): Action {
  const block =
    kind === 'text' ? { type: 'text', text: '' } : { type: 'thinking', thinking: '', signature: '' };
  return send('content_block_start', { index, content_block: block });
}

/** Returns the number of characters. */
function* playWords(
  step: WordStep,
  { kind, index }: OpenBlock,
  separator: string,
): Generator<Action, number, void> {
  let chars = 0;
  for (const piece of wordPieces(step)) {
    const text = chars === 0 ? separator + piece : piece;
    chars += text.length;
    if (step.rate > 0) yield { kind: 'wait', ms: 1000 / step.rate };
    const delta = kind === 'text' ? { type: 'text_delta', text } : { type: 'thinking_delta', thinking: text };
    yield send('content_block_delta', { index, delta });
  }
  return chars;
}

function* closeBlock({ kind, index }: OpenBlock): Generator<Action, void, void> {
  if (kind === 'thinking') {
    yield send('content_block_delta', { index, delta: { type: 'signature_delta', signature } });
  }
  yield send('content_block_stop', { index });
}

const signature = Buffer.from('holdfast demo model: not a real signature').toString('base64');

function* playTool(step: ToolStep, index: number): Generator<Action, void, void> {
  const block = { type: 'tool_use', id: newToolId(), name: step.name, input: {} };
  yield send('content_block_start', { index, content_block: block });
  for (const partial_json of jsonPieces(step)) {
    if (step.rate > 0) yield { kind: 'wait', ms: 1000 / step.rate };
    yield send('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json } });
  }
  yield send('content_block_stop', { index });
}

function jsonPieces(step: ToolStep): readonly string[] {
  return step.inputJson.match(/[\s\S]{1,32}/gu) ?? [];
}

function* wordPieces(step: WordStep): Generator<string, void, void> {
  if (step.kind === 'words') {
    yield* step.text.match(/\s*\S+|\s+$/gu) ?? [step.text];
    return;
  }
  // Each piece starts with its number, so that a reader can see a loss, a repetition or a wrong order.
  for (let number = 0; number < step.count; number++) yield `${`w${number}`.padEnd(step.size - 1, '.')} `;
}

const newToolId = (): string => `toolu_demo_${crypto.randomUUID().replaceAll('-', '')}`;
