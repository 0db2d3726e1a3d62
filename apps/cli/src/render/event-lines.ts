// The lines an event is told in, texts that stream apart. Pure.
import { contentText, type SessionEvent } from '@holdfast/shared/protocol';
import { approvalLines, resolvedLine } from './approval-lines.ts';
import type { RenderOptions } from './piece.ts';
import { promptLine, resultLines, toolLine, turnEndLine } from './row-lines.ts';

type EventOf<T extends SessionEvent['type']> = Extract<SessionEvent, { readonly type: T }>;
type Lines = {
  readonly [T in SessionEvent['type']]?: (event: EventOf<T>, options: RenderOptions) => readonly string[];
};

/** Notices that say nothing about the answer: not shown beside one. */
const QUIET_NOTICES: ReadonlySet<string> = new Set(['containment', 'hook']);

/** What belongs to a turn: shown on stderr beside an answer, and in a transcript. */
const turnLines: Lines = {
  tool_call_started: (event, options) => [toolLine(event, options)],
  tool_call_completed: (event, options) =>
    options.mode === 'transcript' || event.isError ? resultLines(event, options) : [],
  approval_requested: (event, options) => approvalLines(event, options),
  approval_resolved: (event, options) => [resolvedLine(event, options)],
  bypass_changed: ({ until, reason }, { style, clean }) => [
    style.bold(
      clean(
        until === null
          ? `! people are asked again: ${reason ?? ''}`
          : `! nobody is asked until ${new Date(until).toISOString()}: permissions are bypassed`,
      ),
    ),
  ],
  notice: (event, { mode, style, clean }) =>
    mode === 'transcript' || !QUIET_NOTICES.has(event.kind) ? [style.dim(clean(`· ${event.text}`))] : [],
  task_started: (event, { mode, style, clean }) =>
    mode === 'transcript' ? [style.dim(clean(`· task ${event.taskId} goes on: ${event.description}`))] : [],
  task_ended: (event, { mode, style }) =>
    mode === 'transcript' ? [style.dim(`· task ${event.taskId} ${event.status}`)] : [],
  turn_stalled: (event, { style }) => [
    style.dim(`· nothing came for ${Math.round(event.silentMs / 1000)} s`),
  ],
  turn_resumed: (_event, { style }) => [style.dim('· it goes on')],
  turn_ended: (event, options) =>
    options.mode === 'transcript' || event.error !== null
      ? [turnEndLine({ ...event, error: event.error?.message ?? null }, options)]
      : [],
  turn_interrupted: (event, { style, clean }) => [style.red(clean(`-- interrupted: ${event.reason}`))],
  child_exited: (event, { style, clean }) =>
    event.expected
      ? []
      : [
          style.red(clean(`-- the CLI ended: ${event.cause}`)),
          ...lastLines(clean(event.stderrTail)).map((line) => `  ${line}`),
        ],
};

/** What only a reader of the whole session is told. */
const sessionLines: Lines = {
  session_created: (event, { style, clean }) => [
    style.dim(clean(`· session ${event.sessionId} in ${event.cwd}`)),
  ],
  settings_changed: ({ settings, title, archived }, { style, clean }) => [
    style.dim(
      clean(
        `· settings: ${settings.permissionMode}, model ${settings.model ?? 'default'}, ` +
          `title ${title ?? '(untitled)'}${archived === true ? ', archived' : ''}`,
      ),
    ),
  ],
  turn_started: (event, options) =>
    event.content === null ? [] : [promptLine(contentText(event.content), options)],
  prompt_queued: (event, { style, clean }) => [
    style.dim(clean(`· queued: ${lastLines(contentText(event.content), 1).join('')}`)),
  ],
  prompt_edited: (event, { style, clean }) => [
    style.dim(
      clean(`· prompt ${event.promptId} edited: ${lastLines(contentText(event.content), 1).join('')}`),
    ),
  ],
  prompt_moved: ({ promptId, before }, { style }) => [
    style.dim(`· prompt ${promptId} moved ${before === null ? 'to the end' : `in front of ${before}`}`),
  ],
  prompt_steered: (event, { style }) => [style.dim(`· prompt ${event.promptId} is on its way into the turn`)],
  prompt_injected: (event, options) =>
    event.content === undefined ? [] : [promptLine(contentText(event.content), options)],
  queue_resumed: (_event, { style }) => [style.dim('· the queue goes on')],
  prompt_cancelled: (event, { style }) => [style.dim(`· prompt ${event.promptId} cancelled`)],
  prompt_returned: (event, { style, clean }) => [
    style.dim(clean(`· prompt ${event.promptId} goes back to the queue: ${event.reason}`)),
  ],
  abort_requested: (_event, { style }) => [style.dim('· abort requested')],
  owner_changed: (event, { style }) => [style.dim(`· worker: ${event.workerId ?? 'none'}`)],
  child_started: (event, { style, clean }) => {
    const version = event.cliVersion ?? '(version unknown)';
    return [style.dim(clean(`· CLI ${version} started, pid ${event.pid}, ${event.modelSource} model`))];
  },
  child_parked: (event, { style, clean }) => [style.dim(clean(`· CLI parked: ${event.reason}`))],
  history_trimmed: (event, { style }) => [style.dim(`· history before ${event.before} was dropped`)],
};

export function eventLines(event: SessionEvent, options: RenderOptions): readonly string[] {
  const tables = options.mode === 'transcript' ? [turnLines, sessionLines] : [turnLines];
  return tables.flatMap((table) => {
    // The table's entry under an event's own type takes that event.
    const lines = table[event.type] as
      | ((event: SessionEvent, options: RenderOptions) => readonly string[])
      | undefined;
    return lines?.(event, options) ?? [];
  });
}

function lastLines(text: string, count = 5): readonly string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return count === 1 ? lines.slice(0, 1) : lines.slice(-count);
}
