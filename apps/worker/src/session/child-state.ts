// What a session's one child is doing. Pure.
//
//   none --start--> starting --spawned--> spawned --initialised--> ready
//   starting, spawned, ready --end(cause)--> the same, but ending: the first cause wins, and it is not ready any more
//   any --over--> none
//
// `starting` has no process yet: it waits for its turn, or its folders are made. `C` is the handle of the process.

/** Why we end a child, or call a start off. `expected`: nothing went wrong. */
export interface EndCause {
  readonly text: string;
  readonly expected: boolean;
}

export type ChildState<C> =
  | { readonly kind: 'none' }
  | { readonly kind: 'starting'; readonly ending: EndCause | null }
  | { readonly kind: 'spawned'; readonly child: C; readonly ending: EndCause | null }
  | { readonly kind: 'ready'; readonly child: C; readonly ending: EndCause | null };

export type ChildHappening<C> =
  | { readonly kind: 'start' }
  | { readonly kind: 'spawned'; readonly child: C }
  | { readonly kind: 'initialised' }
  | { readonly kind: 'end'; readonly cause: EndCause }
  | { readonly kind: 'over' };

export function nextChildState<C>(state: ChildState<C>, event: ChildHappening<C>): ChildState<C> {
  switch (event.kind) {
    case 'start':
      return state.kind === 'none' ? { kind: 'starting', ending: null } : state;
    case 'spawned':
      return state.kind === 'starting'
        ? { kind: 'spawned', child: event.child, ending: state.ending }
        : state;
    case 'initialised':
      return state.kind === 'spawned' && state.ending === null ? { ...state, kind: 'ready' } : state;
    case 'end':
      return state.kind === 'none' ? state : { ...state, ending: state.ending ?? event.cause };
    case 'over':
      return { kind: 'none' };
  }
}

/** The process, if there is one. */
export function childOf<C>(state: ChildState<C>): C | null {
  return state.kind === 'spawned' || state.kind === 'ready' ? state.child : null;
}

/** Why the child is being ended; null while it is not. */
export function endingOf<C>(state: ChildState<C>): EndCause | null {
  return state.kind === 'none' ? null : state.ending;
}
