// Sessions as people read them: the list, and one in detail. Pure.
import type { SessionDetails } from '@holdfast/client';
import { contentText, formatPosition, type SessionSummary } from '@holdfast/shared/protocol';
import { isTested, TESTED_CLI_VERSIONS } from '@holdfast/shared/runtime';
import { approvalLine } from './approval-lines.ts';
import { oneLine, withoutControls, type Style } from './style.ts';

/** One line for each session: id, status, last change, title, folder. `now` in ms since 1970. */
export function sessionLines(
  sessions: readonly SessionSummary[],
  options: { readonly now: number; readonly style: Style },
): readonly string[] {
  const { now, style } = options;
  const rows = sessions.map((session) => [
    session.sessionId,
    session.status,
    ago(now - session.updatedAt),
    oneLine(withoutControls(session.title ?? '(untitled)'), 50),
    withoutControls(session.cwd),
  ]);
  const all = [['SESSION', 'STATUS', 'CHANGED', 'TITLE', 'FOLDER'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return lines.map((line, index) => (index === 0 ? style.dim(line) : line));
}

/** What `inspect --json` prints: flat, with stable names. */
export function inspection(details: SessionDetails): Record<string, unknown> {
  const { session, view, owner, inbox } = details;
  return {
    sessionId: session.sessionId,
    title: session.title,
    cwd: session.cwd,
    status: session.status,
    archived: session.archived,
    position: formatPosition(session.position),
    worker: { id: owner.workerId, alive: owner.alive },
    child: view.child,
    cliUntested: isUntested(view.child),
    turns: view.turnsEnded,
    turn: view.turn,
    queue: view.queue,
    queuePaused: view.queuePaused,
    unreadCommands: inbox.unread,
    approvals: view.approvals,
    bypass: view.bypass,
    tasks: view.tasks,
    settings: view.settings,
    usage: view.usage,
    createdAt: session.createdAt,
    updatedAt: session.updatedAt,
  };
}

export function inspectionLines(details: SessionDetails, style: Style): readonly string[] {
  const { session, view, owner, inbox } = details;
  const { usage } = view;
  const worker = owner.workerId === null ? 'none' : `${owner.workerId}${owner.alive ? '' : ' (not alive)'}`;
  const pairs: readonly (readonly [string, string])[] = [
    ['session', session.sessionId],
    ['title', session.title ?? '(untitled)'],
    ['folder', session.cwd],
    ['status', session.archived ? `${session.status}, archived` : session.status],
    ['worker', worker],
    ['child', childText(view.child)],
    ['turns', String(view.turnsEnded)],
    ['queue', queueText(details)],
    ...view.queue.map((prompt): [string, string] => ['', `${prompt.promptId}  ${promptLine(prompt)}`]),
    ...view.tasks.map((task): [string, string] => ['task', `${task.taskId}  ${task.description}`]),
    ...view.approvals.map((asked, index): [string, string] => [
      index === 0 ? 'asks' : '',
      `${asked.approvalId}  ${approvalLine(asked)}`,
    ]),
    ...(view.bypass === null
      ? []
      : [['bypass', `nobody is asked until ${new Date(view.bypass.until).toISOString()}`] as const]),
    ['position', formatPosition(session.position)],
    ['mode', `${view.settings.permissionMode}, model ${view.settings.model ?? 'default'}`],
    [
      'context',
      `${usage.contextTokens} tokens${usage.windowTokens === null ? '' : ` of ${usage.windowTokens}`}`,
    ],
    ['cost', `$${usage.costUsd.toFixed(4)}`],
    ['unread', `${inbox.unread} commands`],
  ];
  return pairs.map(([name, value]) => `${style.dim(name.padEnd(9))} ${withoutControls(value)}`);
}

/** Another CLI version than those that Holdfast was tested with. */
function isUntested(child: SessionDetails['view']['child']): boolean {
  return child.state === 'running' && (child.cliVersion === null || !isTested(child.cliVersion));
}

function childText(child: SessionDetails['view']['child']): string {
  switch (child.state) {
    case 'none':
      return 'not started';
    case 'running': {
      const version = child.cliVersion ?? '(version unknown)';
      const { from, to } = TESTED_CLI_VERSIONS;
      const warning = isUntested(child) ? ` (not tested: Holdfast knows ${from} to ${to})` : '';
      return `pid ${child.pid}, CLI ${version}${warning}, ${child.modelSource} model, ${child.containment}, ${child.turns} turns`;
    }
    case 'parked':
      return `parked: ${child.reason}`;
    case 'exited':
      return `ended: ${child.cause}`;
  }
}

function queueText({ view }: SessionDetails): string {
  const waiting = view.queue.length === 0 ? 'empty' : `${view.queue.length} waiting`;
  return view.queuePaused ? `${waiting}, paused` : waiting;
}

function promptLine({ content, steering }: SessionDetails['view']['queue'][number]): string {
  return `${oneLine(contentText(content), 60)}${steering === true ? ' (on its way into the turn)' : ''}`;
}

function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3_600)} h ago`;
  return `${Math.round(seconds / 86_400)} d ago`;
}
