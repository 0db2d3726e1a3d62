// Turns one answer into what goes over the wire: server-sent events with waits between, or one whole message.
import { assertNever } from '@holdfast/shared/util';
import type { Answer, Step } from './script.ts';
import type { Usage } from './usage.ts';

/** What the streamer does next, in order. */
export type Action =
  | { readonly kind: 'send'; readonly text: string }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'cut' };

export interface Play {
  /** The steps after the leading pauses and HTTP errors. */
  readonly steps: readonly Step[];
  readonly stopReason: Answer['stopReason'];
  readonly model: string;
  readonly messageId: string;
  /** Input side of the usage; the output side is counted while playing unless it is fixed. */
  readonly usage: Usage;
  /** Says whether a limited fault happens this time; asked once per fault that is reached. */
  readonly faultHappens: (step: Extract<Step, { id: number }>) => boolean;
}

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
    const kind = blockKind(step);
    if (open !== undefined && kind !== undefined && kind !== open.kind) {
      yield* closeBlock(open);
      open = undefined;
    }
    switch (step.kind) {
      case 'words':
      case 'tokens': {
        const isContinued = open !== undefined;
        if (open === undefined) {
          open = { kind: step.kind === 'words' ? step.block : 'text', index: index++ };
          yield openBlock(open);
        }
        let separator = isContinued ? '\n' : '';
        for (const piece of piecesOf(step)) {
          outputChars += piece.length;
          if (step.rate > 0) yield { kind: 'wait', ms: 1000 / step.rate };
          yield delta(open, separator + piece);
          separator = '';
        }
        break;
      }
      case 'tool':
        outputChars += step.inputJson.length;
        yield* playTool(step, index++);
        break;
      case 'pause':
        yield { kind: 'wait', ms: step.ms };
        break;
      case 'stream_error':
        if (!play.faultHappens(step)) break;
        yield send('error', { error: { type: 'overloaded_error', message: 'Overloaded' } });
        return;
      case 'cut':
        if (!play.faultHappens(step)) break;
        yield { kind: 'cut' };
        return;
      case 'http_error':
        break; // only leads an answer; the route has dealt with it
      default:
        assertNever(step);
    }
  }
  if (open !== undefined) yield* closeBlock(open);
  const output_tokens = play.usage.output_tokens ?? tokensOf(outputChars);
  yield send('message_delta', {
    delta: { stop_reason: play.stopReason, stop_sequence: null },
    usage: { ...play.usage, output_tokens },
  });
  yield send('message_stop', {});
}

type WholeBlock =
  | { readonly kind: 'text' | 'thinking'; text: string }
  | { readonly kind: 'tool'; readonly name: string; readonly inputJson: string };

/** The same answer as one message, with the time it takes. Faults in mid-stream do not exist here and are skipped. */
export function playWhole(play: Play): {
  readonly message: Record<string, unknown>;
  readonly waitMs: number;
} {
  const blocks: WholeBlock[] = [];
  let waitMs = 0;
  for (const step of play.steps) {
    if (step.kind === 'pause') waitMs += step.ms;
    else if (step.kind === 'tool') blocks.push({ kind: 'tool', name: step.name, inputJson: step.inputJson });
    else if (step.kind === 'words' || step.kind === 'tokens') {
      const pieces = [...piecesOf(step)];
      if (step.rate > 0) waitMs += (pieces.length * 1000) / step.rate;
      const kind = step.kind === 'words' ? step.block : 'text';
      const last = blocks.at(-1);
      if (last?.kind === kind) last.text += `\n${pieces.join('')}`;
      else blocks.push({ kind, text: pieces.join('') });
    }
  }
  const chars = blocks.reduce(
    (sum, block) => sum + (block.kind === 'tool' ? block.inputJson : block.text).length,
    0,
  );
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

/** One server-sent event as text. */
export function sse(type: string, data: Record<string, unknown>): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

function send(type: string, data: Record<string, unknown>): Action {
  return { kind: 'send', text: sse(type, data) };
}

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

function blockKind(step: Step): 'text' | 'thinking' | 'tool' | undefined {
  if (step.kind === 'words') return step.block;
  if (step.kind === 'tokens') return 'text';
  return step.kind === 'tool' ? 'tool' : undefined;
}

function openBlock({ kind, index }: OpenBlock): Action {
  const block =
    kind === 'text' ? { type: 'text', text: '' } : { type: 'thinking', thinking: '', signature: '' };
  return send('content_block_start', { index, content_block: block });
}

function delta({ kind, index }: OpenBlock, text: string): Action {
  const change = kind === 'text' ? { type: 'text_delta', text } : { type: 'thinking_delta', thinking: text };
  return send('content_block_delta', { index, delta: change });
}

function* closeBlock({ kind, index }: OpenBlock): Generator<Action, void, void> {
  if (kind === 'thinking') {
    yield send('content_block_delta', { index, delta: { type: 'signature_delta', signature } });
  }
  yield send('content_block_stop', { index });
}

const signature = Buffer.from('holdfast demo model: not a real signature').toString('base64');

function* playTool(step: Extract<Step, { kind: 'tool' }>, index: number): Generator<Action, void, void> {
  const block = { type: 'tool_use', id: newToolId(), name: step.name, input: {} };
  yield send('content_block_start', { index, content_block: block });
  for (const partial_json of step.inputJson.match(/[\s\S]{1,32}/gu) ?? []) {
    if (step.rate > 0) yield { kind: 'wait', ms: 1000 / step.rate };
    yield send('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json } });
  }
  yield send('content_block_stop', { index });
}

function* piecesOf(step: Extract<Step, { kind: 'words' | 'tokens' }>): Generator<string, void, void> {
  if (step.kind === 'words') {
    yield* step.text.match(/\s*\S+|\s+$/gu) ?? [step.text];
    return;
  }
  // Each piece starts with its number, so that a reader can see a loss, a repetition or a wrong order.
  for (let number = 0; number < step.count; number++) yield `${`w${number}`.padEnd(step.size - 1, '.')} `;
}

const newToolId = (): string => `toolu_demo_${crypto.randomUUID().replaceAll('-', '')}`;

const tokensOf = (chars: number): number => Math.max(1, Math.ceil(chars / 4));
