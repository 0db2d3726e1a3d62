// How a turn is stopped, and what the signals do. Facts of docs/CLI_FACTS.md §2.
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import type { CliProcess } from './support/cli-process.ts';
import { kindsOf, textAt } from './support/lines.ts';
import { findByCommand } from './support/processes.ts';
import { createSandbox } from './support/sandbox.ts';
import { bash, gone, running, uniqueSleep } from './support/shell.ts';

const STREAMING = '[[text count=2000 rate=40]]';
const STOPPED = { type: 'result', subtype: 'error_during_execution', is_error: true };

/** Starts a turn that streams text and waits until it does. */
async function startStreaming(cli: CliProcess): Promise<void> {
  cli.prompt(STREAMING);
  await cli.waitFor({ type: 'stream_event', event: { type: 'content_block_delta' } });
}

describe('§2 Interrupts and signals', () => {
  test('2.1 an interrupt ends a streaming turn with terminal_reason aborted_streaming, and the process goes on', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    await startStreaming(cli);
    expect(await cli.control({ subtype: 'interrupt' })).toMatchObject({ subtype: 'success' });
    const result = await cli.waitFor({ type: 'result' });
    expect(result).toMatchObject({ ...STOPPED, terminal_reason: 'aborted_streaming' });
    expect(result).not.toHaveProperty('result');
    const lines = await cli.turn('[[say still here]]');
    expect(lines.at(-1)).toMatchObject({ is_error: false, result: 'still here' });
  });

  test('2.2 the text so far comes as an assistant message, then a user note, then the result', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    await startStreaming(cli);
    const from = cli.lines.length;
    cli.requestControl({ subtype: 'interrupt' });
    const lines = await cli.linesUntil({ type: 'result' }, from);
    const told = lines.filter(
      ({ type, isReplay }) => ['assistant', 'user', 'result'].includes(String(type)) && isReplay !== true,
    );
    expect(kindsOf(told)).toEqual(['assistant', 'user', 'result/error_during_execution']);
    expect(textAt(told[0], 'message', 'content', 0, 'text')).toMatch(/^w0 /u);
    expect(JSON.stringify(told[1])).toContain('[Request interrupted by user]');
  });

  test('2.3 an interrupt written right behind the prompt stops that turn', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(STREAMING);
    cli.requestControl({ subtype: 'interrupt' });
    expect(await cli.waitFor({ type: 'result' })).toMatchObject({
      ...STOPPED,
      terminal_reason: 'aborted_streaming',
    });
  });

  test('2.4 an interrupt when idle succeeds and changes nothing', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    expect(await cli.control({ subtype: 'interrupt' })).toMatchObject({ subtype: 'success' });
    await cli.turn('[[say one]]');
    expect(await cli.control({ subtype: 'interrupt' })).toMatchObject({ subtype: 'success' });
    const lines = await cli.turn('[[say two]]');
    expect(lines.at(-1)).toMatchObject({ is_error: false, result: 'two' });
    expect(cli.lines.filter(({ type }) => type === 'result')).toHaveLength(2);
  });

  test('2.5 an interrupt during Bash kills it and what it put into the background: aborted_tools', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { allowedTools: ['Bash'] } });
    const [front, back] = [uniqueSleep(), uniqueSleep()];
    cli.prompt(bash(`(${back} &) ; ${front}`));
    await Promise.all([running(front), running(back)]);
    cli.requestControl({ subtype: 'interrupt' });
    expect(await cli.waitFor({ type: 'result' })).toMatchObject({
      ...STOPPED,
      terminal_reason: 'aborted_tools',
    });
    await Promise.all([gone(front), gone(back)]);
    expect(cli.isAlive).toBe(true);
  });

  test('2.6 an interrupt leaves Bash that runs in the background; stop_task ends it', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { allowedTools: ['Bash'] } });
    const background = uniqueSleep();
    cli.prompt(`${bash(background, { run_in_background: true })} ${STREAMING}`);
    const started = await cli.waitFor({ type: 'system', subtype: 'task_started' });
    await cli.waitFor({ type: 'stream_event', event: { delta: { type: 'text_delta' } } });
    cli.requestControl({ subtype: 'interrupt' });
    await cli.waitFor({ type: 'result' });
    await running(background);
    const answer = await cli.control({ subtype: 'stop_task', task_id: started['task_id'] });
    expect(answer).toMatchObject({ subtype: 'success' });
    await gone(background);
    expect(await cli.waitFor({ subtype: 'task_notification' })).toMatchObject({
      task_id: started['task_id'],
      status: 'stopped',
    });
  });

  test('2.7 an interrupt does not clear prompts that wait in the CLI', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    await startStreaming(cli);
    cli.prompt('[[say the waiting one]]', { priority: 'later' });
    cli.requestControl({ subtype: 'interrupt' });
    expect(await cli.waitFor({ type: 'result', is_error: true })).toMatchObject(STOPPED);
    expect(await cli.waitFor({ type: 'result', is_error: false })).toMatchObject({
      result: 'the waiting one',
    });
  });

  test('2.8 cancel_async_message withdraws a prompt that waits, and says false for one that does not', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    await startStreaming(cli);
    const uuid = cli.prompt('[[say never said]]', { priority: 'next' });
    const cancel = { subtype: 'cancel_async_message', message_uuid: uuid };
    expect(await cli.control(cancel)).toMatchObject({ response: { cancelled: true } });
    expect(await cli.control(cancel)).toMatchObject({ response: { cancelled: false } });
    cli.requestControl({ subtype: 'interrupt' });
    await cli.waitFor({ type: 'result' });
    const lines = await cli.turn('[[say the next one]]');
    expect(lines.at(-1)).toMatchObject({ result: 'the next one' });
    expect(JSON.stringify(cli.lines)).not.toContain('never said');
  });

  test('2.9 SIGINT in a turn kills Bash, gives the result and ends the CLI with exit code 0', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { allowedTools: ['Bash'] } });
    const command = uniqueSleep();
    cli.prompt(bash(command));
    await running(command);
    cli.signal('SIGINT');
    expect(await cli.waitFor({ type: 'result' })).toMatchObject({ terminal_reason: 'aborted_tools' });
    expect(await cli.exit()).toEqual({ code: 0, signal: null });
    await gone(command);
  });

  test('2.10 SIGINT when idle ends the CLI with exit code 0', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    await cli.turn('[[say hello]]');
    cli.signal('SIGINT');
    expect(await cli.exit()).toEqual({ code: 0, signal: null });
  });

  test('2.11 SIGTERM ends the CLI with exit code 143, without a result, and leaves what Bash runs', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { allowedTools: ['Bash'] } });
    const command = uniqueSleep();
    cli.prompt(bash(command));
    await running(command);
    cli.signal('SIGTERM');
    expect(await cli.exit()).toEqual({ code: 143, signal: null });
    expect(cli.lines.filter(({ type }) => type === 'result')).toEqual([]);
    expect(await findByCommand(command)).not.toEqual([]);
  });

  test('2.12 an interrupt in mid-answer aborts the call to the model', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    await startStreaming(cli);
    const [call] = box.modelCalls;
    expect(call?.state).toBe('open');
    cli.requestControl({ subtype: 'interrupt' });
    await until(() => call?.state === 'aborted', { what: 'the CLI to hang up' });
  });
});
