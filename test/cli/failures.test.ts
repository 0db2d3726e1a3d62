// What the CLI makes of an API that fails. Facts of docs/CLI_FACTS.md §7.
import { describe, expect, test } from 'vitest';
import { kindsOf, type Line } from './support/lines.ts';
import { createSandbox } from './support/sandbox.ts';

const retriesOf = (lines: readonly Line[]): Line[] => lines.filter(({ subtype }) => subtype === 'api_retry');

describe('§7 Failures of the API', () => {
  test('7.1 400, 403, 404 and 413 are not retried: a result of subtype success with is_error and api_error_status', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    for (const status of [400, 403, 404, 413]) {
      const lines = await cli.turn(`[[error status=${status}]]`);
      expect(lines.at(-1)).toMatchObject({
        subtype: 'success',
        is_error: true,
        api_error_status: status,
        result: expect.stringMatching(/./u),
      });
      expect(retriesOf(lines)).toEqual([]);
    }
    expect((await cli.turn('[[say still here]]')).at(-1)).toMatchObject({
      is_error: false,
      result: 'still here',
    });
  });

  test('7.2 a failed call also gives an assistant line of the model <synthetic>, with the error', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const lines = await cli.turn('[[error status=400]]');
    expect(lines.filter(({ type }) => type === 'assistant')).toMatchObject([
      { error: expect.any(String), message: { model: '<synthetic>' } },
    ]);
  });

  test('7.3 refused credentials (401) are retried too, told by system/api_retry with error_status 401', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const lines = await cli.turn('[[error status=401 times=1]] [[say hello]]');
    expect(retriesOf(lines)).toMatchObject([
      { attempt: 1, max_retries: 10, retry_delay_ms: expect.any(Number), error_status: 401 },
    ]);
    expect(lines.at(-1)).toMatchObject({ is_error: false, result: 'hello' });
  });

  test('7.4 529 is retried and told by system/api_retry, then the answer comes as if nothing had been', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const lines = await cli.turn('[[error status=529 times=1]] [[say hello]]');
    expect(retriesOf(lines)).toMatchObject([{ attempt: 1, error_status: 529 }]);
    expect(kindsOf(lines).filter((kind) => kind === 'assistant')).toHaveLength(1);
    expect(lines.at(-1)).toMatchObject({ is_error: false, result: 'hello' });
  });

  test('7.5 CLAUDE_CODE_MAX_RETRIES bounds the retries; a failure that lasts ends the turn with its status', async () => {
    await using box = await createSandbox();
    const cli = box.start({ env: { CLAUDE_CODE_MAX_RETRIES: '1' } });
    const lines = await cli.turn('[[error status=500]]');
    expect(retriesOf(lines)).toMatchObject([{ attempt: 1, max_retries: 1, error_status: 500 }]);
    expect(lines.at(-1)).toMatchObject({ subtype: 'success', is_error: true, api_error_status: 500 });
  });

  test('7.6 an interrupt ends a turn that waits for a retry', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt('[[error status=401]]');
    await cli.waitFor({ subtype: 'api_retry' });
    cli.requestControl({ subtype: 'interrupt' });
    expect(await cli.waitFor({ type: 'result' })).toMatchObject({ terminal_reason: 'aborted_streaming' });
    expect((await cli.turn('[[say still here]]')).at(-1)).toMatchObject({ result: 'still here' });
  });

  test('7.7 a model that cannot be reached is retried with error_status null', async () => {
    await using box = await createSandbox();
    // Port 9 of loopback: nothing listens there.
    const cli = box.start({
      env: { ANTHROPIC_BASE_URL: 'http://127.0.0.1:9', CLAUDE_CODE_MAX_RETRIES: '1' },
    });
    const lines = await cli.turn('[[say never]]');
    expect(retriesOf(lines)).toMatchObject([{ attempt: 1, error_status: null }]);
    expect(lines.at(-1)).toMatchObject({ subtype: 'success', is_error: true, api_error_status: null });
  });
});
