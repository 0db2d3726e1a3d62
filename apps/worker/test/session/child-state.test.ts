import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  childOf,
  endingOf,
  nextChildState,
  type ChildHappening,
  type ChildState,
  type EndCause,
} from '../../src/session/child-state.ts';

type State = ChildState<string>;
type Happening = ChildHappening<string>;

const parked: EndCause = { text: 'idle', expected: true };
const stuck: EndCause = { text: 'not_ready', expected: false };

const states = {
  none: { kind: 'none' },
  starting: { kind: 'starting', ending: null },
  startingEnding: { kind: 'starting', ending: parked },
  spawned: { kind: 'spawned', child: 'c', ending: null },
  spawnedEnding: { kind: 'spawned', child: 'c', ending: parked },
  ready: { kind: 'ready', child: 'c', ending: null },
  readyEnding: { kind: 'ready', child: 'c', ending: parked },
} as const satisfies Record<string, State>;
type Name = keyof typeof states;

const happenings = {
  start: { kind: 'start' },
  spawned: { kind: 'spawned', child: 'c' },
  initialised: { kind: 'initialised' },
  endExpected: { kind: 'end', cause: parked },
  endUnexpected: { kind: 'end', cause: stuck },
  over: { kind: 'over' },
} as const satisfies Record<string, Happening>;

/** Where each event leads from each state. */
const table: Record<Name, Record<keyof typeof happenings, State>> = {
  none: {
    ...{ start: states.starting, spawned: states.none, initialised: states.none },
    ...{ endExpected: states.none, endUnexpected: states.none, over: states.none },
  },
  starting: {
    ...{ start: states.starting, spawned: states.spawned, initialised: states.starting },
    ...{ endExpected: states.startingEnding, endUnexpected: { kind: 'starting', ending: stuck } },
    over: states.none,
  },
  startingEnding: {
    ...{ start: states.startingEnding, spawned: states.spawnedEnding, initialised: states.startingEnding },
    ...{ endExpected: states.startingEnding, endUnexpected: states.startingEnding, over: states.none },
  },
  spawned: {
    ...{ start: states.spawned, spawned: states.spawned, initialised: states.ready },
    ...{ endExpected: states.spawnedEnding, endUnexpected: { kind: 'spawned', child: 'c', ending: stuck } },
    over: states.none,
  },
  spawnedEnding: {
    ...{ start: states.spawnedEnding, spawned: states.spawnedEnding, initialised: states.spawnedEnding },
    ...{ endExpected: states.spawnedEnding, endUnexpected: states.spawnedEnding, over: states.none },
  },
  ready: {
    ...{ start: states.ready, spawned: states.ready, initialised: states.ready },
    ...{ endExpected: states.readyEnding, endUnexpected: { kind: 'ready', child: 'c', ending: stuck } },
    over: states.none,
  },
  readyEnding: {
    ...{ start: states.readyEnding, spawned: states.readyEnding, initialised: states.readyEnding },
    ...{ endExpected: states.readyEnding, endUnexpected: states.readyEnding, over: states.none },
  },
};

// Keys of the objects above.
const names = Object.keys(states) as Name[];
const cases = names.flatMap((from) =>
  (Object.keys(happenings) as (keyof typeof happenings)[]).map((event) => ({ from, event })),
);

describe('the state of a child', () => {
  it.each(cases)('after $event in $from is as the table says [A-10]', ({ from, event }) => {
    expect(nextChildState<string>(states[from], happenings[event])).toEqual(table[from][event]);
  });

  it('has the first cause of its end until it is over, whatever else happens [A-10]', () => {
    const anything = fc.array(
      fc.oneof(
        fc.constantFrom<Happening>(happenings.start, happenings.spawned, happenings.initialised),
        fc.string().map((text): Happening => ({ kind: 'end', cause: { text, expected: true } })),
      ),
    );
    fc.assert(
      fc.property(
        fc.constantFrom<State>(states.starting, states.spawned, states.ready),
        anything,
        (from, rest) => {
          const ended = nextChildState(from, happenings.endUnexpected);
          const later = rest.reduce<State>((state, event) => nextChildState(state, event), ended);
          expect(endingOf(later)).toBe(stuck);
          expect(later.kind === 'ready').toBe(from.kind === 'ready');
        },
      ),
    );
  });

  it('has a process from when it was spawned until it is over', () => {
    const withProcess = names.filter((name) => childOf<string>(states[name]) !== null);
    expect(withProcess).toEqual(['spawned', 'spawnedEnding', 'ready', 'readyEnding']);
    expect(endingOf<string>(states.none)).toBeNull();
  });
});
