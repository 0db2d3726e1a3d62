import { expect, it } from 'vitest';
import { readOptions } from '../ownership/options.ts';

it('by default 10 sessions are taken over 4 times for each kind of loss, and 10,000 are idle', () => {
  expect(readOptions([])).toMatchObject({ sessions: 10, kills: 4, idleSessions: 10_000, only: null });
});

it('single options win over those of a quick run; phases can be picked', () => {
  expect(readOptions(['--quick', '--kills', '3', '--only', 'abort,idle'])).toMatchObject({
    sessions: 2,
    kills: 3,
    only: ['abort', 'idle'],
  });
});

it('what can not be run is refused with the name of the option', () => {
  expect(() => readOptions(['--sessions', '0'])).toThrow(/sessions/);
  expect(() => readOptions(['--only', 'nothing'])).toThrow(/only/);
});
