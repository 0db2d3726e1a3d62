// What the events of a session must say: a turn begins once and ends once, a prompt runs again only after a turn
// that was interrupted before it reached the CLI, and an accepted prompt runs.
import type { SessionEvent } from '@holdfast/shared/protocol';
import type { Findings } from './findings.ts';

type Started = Extract<SessionEvent, { type: 'turn_started' }>;
type Ended = Extract<SessionEvent, { type: 'turn_ended' | 'turn_interrupted' }>;
type Pause = Extract<SessionEvent, { type: 'prompt_returned' }>;

interface Turn {
  readonly started: Started[];
  readonly ended: Ended[];
}

/** `events`: those about turns and prompts, in order. `isAtRest`: no turn may still be open. */
export function checkTurns(
  input: {
    readonly session: string;
    readonly events: readonly SessionEvent[];
    readonly accepted: ReadonlySet<string>;
    readonly isAtRest: boolean;
  },
  findings: Findings,
): void {
  const { session, events, accepted, isAtRest } = input;
  const turns = new Map<string, Turn>();
  for (const event of events) {
    if (event.type === 'turn_started') turnOf(turns, event.turnId).started.push(event);
    if (event.type === 'turn_ended' || event.type === 'turn_interrupted') {
      turnOf(turns, event.turnId).ended.push(event);
    }
  }
  findings.stats.turns += turns.size;
  for (const [turnId, turn] of turns) {
    const place = `${session} turn ${turnId}`;
    checkTurn(place, turn, findings);
    if (isAtRest && turn.ended.length === 0) findings.add('lost', `${place} never ended`);
  }
  const pauses = events.filter((event): event is Pause => event.type === 'prompt_returned' && event.paused);
  checkPrompts({ session, turns, pauses }, findings);
  if (isAtRest) checkAccepted({ session, events, accepted }, findings);
}

function checkTurn(place: string, turn: Turn, findings: Findings): void {
  if (turn.started.length > 1) {
    findings.add('promptsRunTwice', `${place} began ${turn.started.length} times`, turn.started.length - 1);
  }
  if (turn.ended.length > 1) {
    findings.add('duplicated', `${place} ended ${turn.ended.length} times`, turn.ended.length - 1);
  }
}

interface Run {
  readonly started: Started;
  readonly ended: Ended | undefined;
}

function checkPrompts(
  input: { session: string; turns: ReadonlyMap<string, Turn>; pauses: readonly Pause[] },
  findings: Findings,
): void {
  const { session, turns, pauses } = input;
  const runs = new Map<string, Run[]>();
  for (const { started, ended } of turns.values()) {
    const [first] = started;
    if (first === undefined || first.promptId === null) continue;
    const known = runs.get(first.promptId) ?? [];
    runs.set(first.promptId, [...known, { started: first, ended: ended[0] }]);
  }
  for (const [promptId, tries] of runs) {
    const place = `${session} prompt ${promptId}`;
    const delivered = tries.filter(
      ({ ended }) => ended?.type === 'turn_ended' || (ended?.type === 'turn_interrupted' && ended.delivered),
    );
    const extra = Math.max(repeatedAttempts(promptId, tries, pauses), delivered.length - 1);
    if (extra > 0) findings.add('promptsRunTwice', `${place} ran in ${tries.length} turns`, extra);
  }
}

/** Attempts count from 1 again after a prompt was given back to a person. */
function repeatedAttempts(promptId: string, tries: readonly Run[], pauses: readonly Pause[]): number {
  const attempts = tries.map(({ started }) => {
    const rounds = pauses.filter((pause) => pause.promptId === promptId && pause.offset < started.offset);
    return `${rounds.length}:${started.attempt}`;
  });
  return attempts.length - new Set(attempts).size;
}

function checkAccepted(
  input: { session: string; events: readonly SessionEvent[]; accepted: ReadonlySet<string> },
  findings: Findings,
): void {
  const seen = new Set<string>();
  let cleared = false;
  for (const event of input.events) {
    if (event.type === 'turn_started' && event.promptId !== null) seen.add(event.promptId);
    if (event.type === 'prompt_cancelled' || event.type === 'prompt_injected') seen.add(event.promptId);
    cleared ||= event.type === 'abort_requested' && event.queue === 'clear';
  }
  if (cleared) return;
  for (const promptId of input.accepted) {
    if (!seen.has(promptId))
      findings.add('lost', `${input.session} prompt ${promptId} was accepted and never ran`);
  }
}

function turnOf(turns: Map<string, Turn>, turnId: string): Turn {
  const known = turns.get(turnId) ?? { started: [], ended: [] };
  turns.set(turnId, known);
  return known;
}
