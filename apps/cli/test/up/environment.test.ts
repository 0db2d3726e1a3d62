import { describe, expect, it } from 'vitest';
import {
  configProblems,
  loadUpConfig,
  pathOfMachine,
  serverEnv,
  workerEnv,
} from '../../src/up/environment.ts';
import { gatewayUrl } from '../../src/up/parts/catalogue.ts';

const machine = {
  PATH: '/usr/bin',
  HOME: '/home/u',
  ANTHROPIC_API_KEY: 'k',
  AWS_SECRET_ACCESS_KEY: 's',
  HOLDFAST_PORT: '1',
  npm_lifecycle_event: 'up',
};

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadUpConfig(env, '/checkout');
    return [];
  } catch (error) {
    return configProblems(error);
  }
}

describe('the configuration of up [K-04]', () => {
  it('an unknown variable is refused and the nearest one named', () => {
    expect(problemsOf({ HOLDFAST_PROT: '1' })).toEqual([
      'HOLDFAST_PROT is not a variable of Holdfast. Did you mean HOLDFAST_PORT?',
    ]);
  });

  it('every invalid value is reported, not only the first', () => {
    expect(problemsOf({ HOLDFAST_PORT: 'http', HOLDFAST_MODEL: 'best' })).toHaveLength(2);
  });

  it('the data folder is in the checkout, wherever the command was given', () => {
    expect(loadUpConfig({}, '/checkout').HOLDFAST_DATA_DIR).toBe('/checkout/.holdfast');
  });
});

describe('the environment of a part', () => {
  it('credentials reach the workers and no other part', () => {
    expect(workerEnv(machine, {})).toMatchObject({ ANTHROPIC_API_KEY: 'k', AWS_SECRET_ACCESS_KEY: 's' });
    expect(serverEnv(machine, { X: '1' })).toEqual({
      PATH: '/usr/bin',
      HOME: '/home/u',
      HOLDFAST_PORT: '1',
      X: '1',
    });
  });

  it('nothing that npm set reaches a worker', () => {
    expect(Object.keys(workerEnv(machine, {}))).not.toContain('npm_lifecycle_event');
  });

  it('PATH is that of the machine, without the tools of this checkout', () => {
    const path = '/c/node_modules/.bin:/c/node_modules/node/bin:/node_modules/.bin:/usr/bin:/c/bin';
    expect(pathOfMachine(path, '/c')).toBe('/usr/bin:/c/bin');
  });
});

describe('the address of the gateway', () => {
  it.each([
    ['127.0.0.1', 'http://127.0.0.1:8787'],
    ['0.0.0.0', 'http://127.0.0.1:8787'],
    ['::1', 'http://[::1]:8787'],
    ['box.example', 'http://box.example:8787'],
  ])('for host %s is %s', (host, url) => {
    expect(gatewayUrl(host, 8787)).toBe(url);
  });
});
