// Events and snapshots as text. Pure: what was printed so far goes in, what to print now comes out.
import { lastOffsetOf, type Message, type SessionEvent, type SessionView } from '@holdfast/shared/protocol';
import { approvalLines } from './approval-lines.ts';
import { eventLines } from './event-lines.ts';
import type { Piece, RenderOptions } from './piece.ts';
import { rowLines } from './row-lines.ts';

export interface TranscriptState {
  /** The last event that was rendered. */
  readonly offset: number;
  /** The block whose text is being streamed: what was printed of it. */
  readonly open: { readonly key: string; readonly text: string } | null;
}

export const EMPTY_TRANSCRIPT: TranscriptState = { offset: 0, open: null };

export interface Rendered {
  readonly state: TranscriptState;
  readonly pieces: readonly Piece[];
}

export function renderEvent(state: TranscriptState, event: SessionEvent, options: RenderOptions): Rendered {
  const { open, pieces } = eventPieces(state.open, event, options);
  return { state: { offset: lastOffsetOf(event), open }, pieces: pieces.filter(hasText) };
}

/** Prints the rows of a snapshot that were not printed yet, as far as `isShown` lets them through. */
export function renderSnapshot(
  state: TranscriptState,
  view: SessionView,
  options: RenderOptions & { readonly isShown: (row: Message) => boolean },
): Rendered {
  let { open } = state;
  const pieces: Piece[] = [];
  for (const row of view.messages) {
    if (row.offset <= state.offset || !options.isShown(row)) continue;
    const step = rowPieces(open, row, options);
    open = step.open;
    pieces.push(...step.pieces);
  }
  const streaming = view.openBlocks.find((block) => block.kind === 'text' && block.parentToolCallId === null);
  if (streaming !== undefined && view.offset > state.offset) {
    const delta = { key: blockKey(streaming), text: streaming.text };
    const printed = open?.key === delta.key ? open.text : '';
    const step = extend(open, { key: delta.key, text: delta.text.slice(printed.length) }, options);
    open = step.open;
    pieces.push(...step.pieces);
  }
  if (view.offset > state.offset) {
    for (const asked of view.approvals) {
      const step = onLines(open, approvalLines(asked, options), options);
      open = step.open;
      pieces.push(...step.pieces);
    }
  }
  return { state: { offset: Math.max(state.offset, view.offset), open }, pieces: pieces.filter(hasText) };
}

type Open = TranscriptState['open'];
interface Step {
  readonly open: Open;
  readonly pieces: readonly Piece[];
}
type EventOf<T extends SessionEvent['type']> = Extract<SessionEvent, { readonly type: T }>;

function eventPieces(open: Open, event: SessionEvent, options: RenderOptions): Step {
  if (event.type === 'message_delta') {
    const isAnswer = event.kind === 'text' && event.parentToolCallId === undefined;
    return isAnswer ? extend(open, { key: blockKey(event), text: event.text }, options) : nothing(open);
  }
  if (event.type === 'message_completed') return onCompleted(open, event, options);
  if (event.type === 'message_discarded' && open?.key === blockKey(event)) {
    return onLines(open, [options.style.dim('(what was begun above is void)')], options);
  }
  return onLines(open, eventLines(event, options), options);
}

function onCompleted(open: Open, event: EventOf<'message_completed'>, options: RenderOptions): Step {
  const row = { ...event, truncated: false, parentToolCallId: event.parentToolCallId ?? null };
  const isAnswer = event.kind === 'text' && row.parentToolCallId === null;
  return isAnswer || options.mode === 'transcript' ? rowPieces(open, row, options) : nothing(open);
}

function rowPieces(open: Open, row: Message, options: RenderOptions): Step {
  if (row.kind !== 'text' || row.parentToolCallId !== null)
    return onLines(open, rowLines(row, options), options);
  const isOpen = open?.key === blockKey(row);
  const printed = isOpen ? open.text : '';
  const before = isOpen ? [] : closed(open);
  const end = row.truncated ? ' […]\n' : '\n';
  return { open: null, pieces: [...before, out(options.clean(restOf(row, printed))), out(end)] };
}

/** What is left to print of a text; a snapshot may hold less of it than was printed already. */
function restOf(row: { readonly text: string; readonly truncated: boolean }, printed: string): string {
  if (row.text.startsWith(printed)) return row.text.slice(printed.length);
  return row.truncated && printed.startsWith(row.text) ? '' : `\n${row.text}`;
}

/** Prints more of the block that streams, or the beginning of another. */
function extend(
  open: Open,
  more: { readonly key: string; readonly text: string },
  options: RenderOptions,
): Step {
  const isSame = open?.key === more.key;
  const before = isSame ? [] : closed(open);
  const text = (isSame ? open.text : '') + more.text;
  return { open: { key: more.key, text }, pieces: [...before, out(options.clean(more.text))] };
}

/** A line on stdout ends the text that streams there; one on stderr stands beside it. */
function onLines(open: Open, lines: readonly string[], options: RenderOptions): Step {
  if (lines.length === 0) return nothing(open);
  const to = options.mode === 'transcript' ? 'out' : 'err';
  const pieces = lines.map((line): Piece => ({ to, text: `${line}\n` }));
  return to === 'out' ? { open: null, pieces: [...closed(open), ...pieces] } : { open, pieces };
}

function nothing(open: Open): Step {
  return { open, pieces: [] };
}

function closed(open: Open): readonly Piece[] {
  return open === null || open.text === '' || open.text.endsWith('\n') ? [] : [out('\n')];
}

function out(text: string): Piece {
  return { to: 'out', text };
}

function hasText(piece: Piece): boolean {
  return piece.text !== '';
}

function blockKey(of: { readonly messageId: string; readonly block: number }): string {
  return `${of.messageId}:${of.block}`;
}
