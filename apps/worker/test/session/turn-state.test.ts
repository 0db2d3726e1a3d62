import { mintTurnId, PromptId, textContent, UserId } from '@holdfast/shared/protocol';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  meaningOfResult,
  nextTurnState,
  type OpenTurn,
  type ResultFacts,
  type TurnHappening,
  type TurnState,
} from '../../src/session/turn-state.ts';

const [turnId, otherId] = [mintTurnId(), mintTurnId()];
const prompt = {
  promptId: PromptId.parse('p1'),
  content: textContent('hello'),
  by: UserId.parse('local'),
  attempt: 1,
};
const turn = { turnId, prompt, costBeforeUsd: 0.5 };
const aborted = { kind: 'aborted' } as const;
const failed = { kind: 'failed', code: 'credentials_refused', message: 'no' } as const;
const open: OpenTurn = {
  ...{ kind: 'open', ...turn, isAcknowledged: false, isAnswered: false },
  own: { kind: 'none' },
};

const states = {
  none: { kind: 'none' },
  open,
  known: { ...open, isAcknowledged: true, isAnswered: true },
  aborting: { ...open, own: aborted },
  settling: { kind: 'settling' },
} as const satisfies Record<string, TurnState>;
type Name = keyof typeof states;

const happenings = {
  begun: { kind: 'begun', turn },
  acknowledged: { kind: 'acknowledged', uuid: turnId },
  otherAcknowledged: { kind: 'acknowledged', uuid: otherId },
  answered: { kind: 'answered' },
  abort: { kind: 'interrupt', own: aborted },
  fail: { kind: 'interrupt', own: failed },
  over: { kind: 'over' },
  settled: { kind: 'settled' },
  childGone: { kind: 'child_gone' },
} as const satisfies Record<string, TurnHappening>;

const { none, settling, known, aborting } = states;
const stays = (state: TurnState): Record<keyof typeof happenings, TurnState> => ({
  ...{ begun: state, acknowledged: state, otherAcknowledged: state, answered: state, abort: state },
  ...{ fail: state, over: state, settled: state, childGone: state },
});

/** Where each event leads from each state. */
const table: Record<Name, Record<keyof typeof happenings, TurnState>> = {
  none: { ...stays(none), begun: open },
  open: {
    ...stays(open),
    ...{ acknowledged: { ...open, isAcknowledged: true }, answered: { ...open, isAnswered: true } },
    ...{ abort: aborting, fail: { ...open, own: failed }, over: settling, childGone: none },
  },
  known: {
    ...stays(known),
    ...{ abort: { ...known, own: aborted }, fail: { ...known, own: failed } },
    ...{ over: settling, childGone: none },
  },
  aborting: {
    ...stays(aborting),
    ...{ acknowledged: { ...aborting, isAcknowledged: true }, answered: { ...aborting, isAnswered: true } },
    ...{ over: settling, childGone: none },
  },
  settling: { ...stays(settling), begun: open, settled: none, childGone: none },
};

// Keys of the objects above.
const names = Object.keys(states) as Name[];
const events = Object.keys(happenings) as (keyof typeof happenings)[];

describe('the state of a turn', () => {
  it.each(names.flatMap((from) => events.map((event) => ({ from, event }))))(
    'after $event in $from is as the table says [A-14]',
    ({ from, event }) => {
      expect(nextTurnState(states[from], happenings[event])).toEqual(table[from][event]);
    },
  );

  it('that is aborted stays so until it is over, whatever happens at the same time [A-14]', () => {
    const rest = fc.array(
      fc.constantFrom(...events.filter((event) => event !== 'over' && event !== 'childGone')),
    );
    fc.assert(
      fc.property(fc.constantFrom<TurnState>(open, known), rest, (from, happened) => {
        const state = happened.reduce<TurnState>(
          (now, event) => nextTurnState(now, happenings[event]),
          nextTurnState(from, happenings.abort),
        );
        expect(state).toMatchObject({ kind: 'open', turnId, own: aborted });
      }),
    );
  });
});

describe('a result of the CLI', () => {
  const facts: ResultFacts = {
    ...{ isResuming: false, isOfBackground: false, isChildEnding: false, wasStopped: false },
  };
  const own = { ...open, prompt: null };
  it.each<{
    readonly what: string;
    readonly state: TurnState;
    readonly given: Partial<ResultFacts>;
    readonly meaning: ReturnType<typeof meaningOfResult>;
  }>([
    { what: 'ends the turn in flight', state: open, given: {}, meaning: 'turn_over' },
    { what: 'ends nothing when no turn is in flight', state: none, given: {}, meaning: 'not_ours' },
    { what: 'ends nothing while the CLI settles', state: settling, given: {}, meaning: 'not_ours' },
    {
      what: 'of background work leaves a turn alone that has not reached the CLI',
      state: open,
      given: { isOfBackground: true },
      meaning: 'not_ours',
    },
    {
      what: 'of background work ends a turn that the CLI has',
      state: known,
      given: { isOfBackground: true },
      meaning: 'turn_over',
    },
    {
      what: 'of background work ends the turn that the CLI began for it',
      state: own,
      given: { isOfBackground: true },
      meaning: 'turn_over',
    },
    {
      what: 'that is stopped by the end of the child waits for that',
      state: open,
      given: { isChildEnding: true, wasStopped: true },
      meaning: 'not_ours',
    },
    {
      what: 'that came before the child could be stopped counts',
      state: open,
      given: { isChildEnding: true },
      meaning: 'turn_over',
    },
    {
      what: 'that is stopped ends a turn that we abort',
      state: aborting,
      given: { isChildEnding: true, wasStopped: true },
      meaning: 'turn_over',
    },
    {
      what: 'before any turn means that the conversation is missing',
      state: none,
      given: { isResuming: true },
      meaning: 'conversation_missing',
    },
    {
      what: 'of the first turn of a resumed child means the same',
      state: open,
      given: { isResuming: true },
      meaning: 'conversation_missing',
    },
    {
      what: 'of a first turn that we abort does not',
      state: aborting,
      given: { isResuming: true },
      meaning: 'turn_over',
    },
  ])('$what', ({ state, given, meaning }) => {
    expect(meaningOfResult(state, { ...facts, ...given })).toBe(meaning);
  });
});
