// stdin and stdout as a pipe. Facts of docs/CLI_FACTS.md §13.
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { textAt } from './support/lines.ts';
import { createSandbox } from './support/sandbox.ts';
import { bash, gone, running, uniqueSleep } from './support/shell.ts';

describe('§13 The pipe', () => {
  test('13.1 a line that is not JSON, and a user line without a message, end the CLI with exit code 1', async () => {
    await using box = await createSandbox();
    for (const line of ['{"type":"user"', '{"type":"user"}']) {
      const cli = box.start();
      cli.writeLine(line);
      expect(await cli.exit()).toEqual({ code: 1, signal: null });
      expect(cli.lines).toEqual([]);
    }
  });

  test('13.2 empty lines, unknown types and keep_alive are ignored', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    for (const line of ['', '{"type":"no_such_type"}', '{"type":"keep_alive"}']) cli.writeLine(line);
    expect((await cli.turn('[[say hello]]')).at(-1)).toMatchObject({ result: 'hello' });
  });

  test('13.3 the end of stdin in mid-turn lets the turn finish, tools included, and then the CLI ends with exit code 0', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { allowedTools: ['Bash'] } });
    cli.prompt(`${bash('sleep 1')} [[say finished]]`);
    await cli.waitFor({ type: 'assistant' });
    cli.endInput();
    expect(await cli.exit()).toEqual({ code: 0, signal: null });
    expect(cli.lines.find(({ type }) => type === 'result')).toMatchObject({ result: 'finished' });
  });

  test('13.4 the end of stdin before any prompt ends the CLI with exit code 0 and without a line', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.endInput();
    expect(await cli.exit()).toEqual({ code: 0, signal: null });
    expect(cli.lines).toEqual([]);
  });

  test('13.5 the end of stdin when idle ends the CLI, after five seconds with what runs in the background', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { allowedTools: ['Bash'] } });
    const command = uniqueSleep();
    await cli.turn(`${bash(command, { run_in_background: true })} [[say it runs]]`);
    await running(command);
    cli.endInput();
    const end = await cli.waitFor({ subtype: 'task_notification' }, { limitMs: 15_000 });
    expect(end).toMatchObject({ status: 'stopped' });
    expect(await cli.exit()).toEqual({ code: 0, signal: null });
    await gone(command);
    expect(cli.lines.filter(({ type }) => type === 'result')).toHaveLength(1);
  });

  test('13.6 while stdout is not read the CLI waits; nothing is lost', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    await cli.control({ subtype: 'get_binary_version' });
    cli.setReading(false);
    const from = cli.lines.length;
    cli.prompt('[[text count=3000 size=50]]');
    cli.prompt('[[say second]]', { priority: 'later' });
    await box.called(1);
    await until(() => box.modelCalls[0]?.state === 'answered', {
      what: 'the whole answer to be sent',
      limitMs: 30_000,
    });
    expect(cli.lines).toHaveLength(from);
    cli.setReading(true);
    await cli.waitFor({ type: 'result', result: 'second' });
    const [first] = cli.lines.filter(({ type }) => type === 'result');
    const streamed = cli.lines
      .slice(0, cli.lines.indexOf(first ?? {}))
      .map((line) => textAt(line, 'event', 'delta', 'text'));
    expect(streamed.join('')).toBe(first?.['result']);
    expect(streamed.filter(Boolean)).toHaveLength(3000);
    expect(cli.badLines).toEqual([]);
  });

  test('13.7 a prompt of two megabytes in one line is taken', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const lines = await cli.turn(`[[say taken]] ${'x'.repeat(2 * 1024 * 1024)}`);
    expect(lines.at(-1)).toMatchObject({ is_error: false, result: 'taken' });
  });

  test('13.8 lines hold any text in UTF-8 without a locale; U+2028 does not break them', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const text = 'grüße 你好 🙂 \u2028 \u2029 end';
    const lines = await cli.turn(`[[say ${JSON.stringify(text)}]]`);
    expect(lines.at(-1)).toMatchObject({ result: text });
    expect(cli.badLines).toEqual([]);
  });
});
