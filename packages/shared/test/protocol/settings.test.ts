import { describe, expect, it } from 'vitest';
import { isPlausibleModel } from '../../src/protocol/settings.ts';

describe('the name of a model', () => {
  it.each([
    ...['default', 'opus', 'sonnet[1m]', 'haiku', 'opusplan', 'claude-opus-4-8', 'claude-sonnet-4-5[1m]'],
    ...['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-opus-4@20250514', 'openrouter/some-model'],
  ])('%s can be one', (name) => expect(isPlausibleModel(name)).toBe(true));

  it.each(['no-such-model', 'opuss', 'claude', 'gpt', ''])('%s can not', (name) =>
    expect(isPlausibleModel(name)).toBe(false),
  );
});
