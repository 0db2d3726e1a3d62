// Control requests that change or read a running CLI. Facts of docs/CLI_FACTS.md §12.
import { describe, expect, test } from 'vitest';
import { createSandbox } from './support/sandbox.ts';

describe('§12 Control requests', () => {
  test('12.1 an unknown subtype gets an error and changes nothing', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    expect(await cli.control({ subtype: 'no_such_thing' })).toMatchObject({
      subtype: 'error',
      error: expect.stringContaining('no_such_thing'),
    });
    expect((await cli.turn('[[say still here]]')).at(-1)).toMatchObject({ result: 'still here' });
  });

  test('12.2 set_model holds from the next turn on, also before the first one', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    for (const model of ['claude-sonnet-4-5', 'claude-haiku-4-5']) {
      expect(await cli.control({ subtype: 'set_model', model })).toMatchObject({ subtype: 'success' });
      const init = (await cli.turn('[[say x]]')).find(({ subtype }) => subtype === 'init');
      expect(init?.['model']).toMatch(new RegExp(`^${model}`, 'u'));
      expect(box.modelCalls.at(-1)?.body['model']).toMatch(new RegExp(`^${model}`, 'u'));
    }
  });

  test('12.3 set_model accepts the name of no model: it must be checked before', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const answer = await cli.control({ subtype: 'set_model', model: 'no-such-model' });
    expect(answer).toMatchObject({ subtype: 'success' });
    await cli.turn('[[say x]]');
    expect(box.modelCalls.at(-1)?.body['model']).toBe('no-such-model');
  });

  test('12.4 set_permission_mode holds from the next turn on, also before the first one', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    for (const mode of ['acceptEdits', 'plan', 'default']) {
      const answer = await cli.control({ subtype: 'set_permission_mode', mode });
      expect(answer).toMatchObject({ subtype: 'success', response: { mode } });
      const init = (await cli.turn('[[say x]]')).find(({ subtype }) => subtype === 'init');
      expect(init).toMatchObject({ permissionMode: mode });
    }
  });

  test('12.5 set_permission_mode accepts the name of no mode: it must be checked before', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const answer = await cli.control({ subtype: 'set_permission_mode', mode: 'nonsense' });
    expect(answer).toMatchObject({ subtype: 'success' });
  });

  test('12.6 set_permission_mode refuses bypassPermissions where the CLI was not started for it', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const answer = await cli.control({ subtype: 'set_permission_mode', mode: 'bypassPermissions' });
    expect(answer).toMatchObject({ subtype: 'error' });
  });

  test('12.7 get_context_usage tells the tokens in the context and the size of the window', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    await cli.turn('[[usage input=5000 output=100]] [[say x]]');
    expect(await cli.control({ subtype: 'get_context_usage' })).toMatchObject({
      subtype: 'success',
      response: {
        totalTokens: expect.any(Number),
        maxTokens: expect.any(Number),
        categories: expect.any(Array),
      },
    });
  });
});
