// The events that tell of a child's start and end. Pure.
import type { EventBody, EventBodyOf, SessionView } from '@holdfast/shared/protocol';
import type { ChildEnvironment, ChildOver, ChildReady } from './child-host.ts';
import { openingNotices } from './opening-notices.ts';

/** The start, and what is unusual about this child. */
export function startedEvents(input: {
  readonly view: SessionView;
  readonly ready: ChildReady;
  readonly environment: ChildEnvironment;
}): EventBody[] {
  const { pid, cliVersion, resumed } = input.ready;
  const { modelSource, containment } = input.environment;
  const started = { pid, cliVersion, modelSource, resumed, containment: containment.kind };
  return [{ type: 'child_started', ...started }, ...openingNotices(input)];
}

export function exitedEvent(over: ChildOver): EventBodyOf<'child_exited'> {
  const { end, expected, cause, stderrTail } = over;
  const { exitCode, signal } = end.kind === 'exited' ? end : { exitCode: null, signal: null };
  return { type: 'child_exited', exitCode, signal, expected, cause, stderrTail };
}
