import { describe, expect, it } from 'vitest';
import { chooseModel, withoutModelCredentials } from '../../src/runtime/model-mode.ts';

describe('which model answers [K-02]', () => {
  it.each([
    'ANTHROPIC_API_KEY',
    'ANTHROPIC_AUTH_TOKEN',
    'CLAUDE_CODE_OAUTH_TOKEN',
    'CLAUDE_CODE_USE_BEDROCK',
    'CLAUDE_CODE_USE_VERTEX',
    'HOLDFAST_CLAUDE_CONFIG_DIR',
  ])('%s selects the real model and is named as the reason', (name) => {
    const choice = chooseModel({ [name]: '1' });
    expect(choice).toEqual({ mode: 'real', because: `${name} is set`, changeBy: 'set HOLDFAST_MODEL=demo' });
  });

  it('nothing set selects the demo model and says how to get the real one', () => {
    expect(chooseModel({})).toEqual({
      mode: 'demo',
      because: 'no credentials are set',
      changeBy: 'set ANTHROPIC_API_KEY',
    });
  });

  it.each(['', '0', 'false', ' OFF '])('a provider switch of %j is off', (value) => {
    expect(chooseModel({ CLAUDE_CODE_USE_BEDROCK: value, ANTHROPIC_API_KEY: '' }).mode).toBe('demo');
  });

  it('HOLDFAST_MODEL=demo wins over credentials and says that they are there', () => {
    const choice = chooseModel({ HOLDFAST_MODEL: 'demo', ANTHROPIC_API_KEY: 'k' });
    expect(choice.mode).toBe('demo');
    expect(choice.changeBy).toBe('unset HOLDFAST_MODEL (ANTHROPIC_API_KEY is set)');
  });

  it('HOLDFAST_MODEL=real without credentials starts with a warning, with them without one', () => {
    expect(chooseModel({ HOLDFAST_MODEL: 'real' })).toMatchObject({
      mode: 'real',
      warning: expect.stringContaining('ANTHROPIC_API_KEY'),
    });
    expect(chooseModel({ HOLDFAST_MODEL: 'real', ANTHROPIC_API_KEY: 'k' }).warning).toBeUndefined();
  });

  it('no reason repeats a credential itself', () => {
    expect(JSON.stringify(chooseModel({ ANTHROPIC_API_KEY: 'sk-secret' }))).not.toContain('sk-secret');
  });

  it('an environment stripped of credentials selects the demo model and keeps the rest', () => {
    const env = withoutModelCredentials({
      PATH: '/bin',
      ANTHROPIC_API_KEY: 'k',
      AWS_REGION: 'x',
      CLAUDE_CODE_USE_BEDROCK: '1',
      HOLDFAST_MODEL: 'real',
    });
    expect(env).toEqual({ PATH: '/bin' });
    expect(chooseModel(env).mode).toBe('demo');
  });
});
