// Prompts that are written while a turn runs, and the uuid of a prompt. Facts of docs/CLI_FACTS.md §4.
import { describe, expect, test } from 'vitest';
import type { CliProcess } from './support/cli-process.ts';
import { kindsOf, linesWith, type Line } from './support/lines.ts';
import { createSandbox, wasSent } from './support/sandbox.ts';
import { bash } from './support/shell.ts';

const DELTA = { type: 'stream_event', event: { type: 'content_block_delta' } };
const IDLE = { type: 'system', subtype: 'session_state_changed', state: 'idle' };
/** A second and a half of text: prompts written meanwhile find the turn running. */
const TEXT = '[[text count=75 rate=50]]';

async function startStreaming(cli: CliProcess): Promise<string> {
  const uuid = cli.prompt(TEXT);
  await cli.waitFor(DELTA);
  return uuid;
}

const resultsOf = (lines: readonly Line[]): unknown[] =>
  lines.filter(({ type }) => type === 'result').map(({ result }) => result);

const isAck = ({ type, isReplay }: Line): boolean => type === 'user' && isReplay === true;

const acksOf = (lines: readonly Line[]): unknown[] => lines.filter(isAck).map(({ uuid }) => uuid);

describe('§4 Prompts and their uuids', () => {
  test('4.1 prompts of default priority that wait are merged into one turn with one result', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    await startStreaming(cli);
    cli.prompt('[[say b]]');
    cli.prompt('[[say c]]');
    await cli.waitFor(IDLE);
    expect(resultsOf(cli.lines)).toEqual([expect.stringMatching(/^w0 /u), 'b\nc']);
    expect(box.modelCalls).toHaveLength(2);
  });

  test('4.2 one prompt of priority later runs as a turn of its own, also when a tool gives the chance to inject it', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { allowedTools: ['Bash'] } });
    cli.prompt(`${bash('sleep 1')} [[say a]]`);
    await cli.waitFor({ type: 'assistant' });
    cli.prompt('[[say b]]', { priority: 'later' });
    await cli.waitFor(IDLE);
    expect(resultsOf(cli.lines)).toEqual(['a', 'b']);
    expect(box.modelCalls).toHaveLength(3);
  });

  test('4.3 several prompts of priority later are merged with one another: only one may be written at a time', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    await startStreaming(cli);
    cli.prompt('[[say b]]', { priority: 'later' });
    cli.prompt('[[say c]]', { priority: 'later' });
    await cli.waitFor(IDLE);
    expect(resultsOf(cli.lines)).toEqual([expect.stringMatching(/^w0 /u), 'b\nc']);
  });

  test('4.4 of merged prompts the last gives the uuid of the transcript; the others appear there nowhere', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cli = box.start({ cliSessionId });
    await startStreaming(cli);
    const first = cli.prompt('[[say b]]');
    const last = cli.prompt('[[say c]]');
    await cli.waitFor(IDLE);
    expect(acksOf(cli.lines)).toEqual(expect.arrayContaining([first, last]));
    const transcript = await box.transcript(cliSessionId);
    expect(linesWith(transcript, last)).not.toEqual([]);
    expect(linesWith(transcript, first)).toEqual([]);
  });

  test('4.5 a prompt of priority next is put into the running turn after a tool, and has no result of its own', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { allowedTools: ['Bash'] } });
    cli.prompt(`${bash('sleep 1')} [[say a]]`);
    await cli.waitFor({ type: 'assistant' });
    const steer = cli.prompt('please also say b', { priority: 'next' });
    await cli.waitFor(IDLE);
    expect(resultsOf(cli.lines)).toHaveLength(1);
    expect(box.modelCalls).toHaveLength(2);
    expect(wasSent(box.modelCalls[1], 'please also say b')).toBe(true);
    expect(acksOf(cli.lines)).toContain(steer);
  });

  test('4.6 a prompt of priority next that finds no tool call runs as the next turn', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    await startStreaming(cli);
    cli.prompt('[[say b]]', { priority: 'next' });
    await cli.waitFor(IDLE);
    expect(resultsOf(cli.lines)).toEqual([expect.stringMatching(/^w0 /u), 'b']);
  });

  test('4.7 a prompt of priority now aborts a streaming turn, whose result says success: only terminal_reason tells', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt('[[text count=2000 rate=40]]');
    await cli.waitFor(DELTA);
    cli.prompt('[[say b]]', { priority: 'now' });
    await cli.waitFor(IDLE);
    expect(cli.lines.filter(({ type }) => type === 'result')).toMatchObject([
      { subtype: 'success', is_error: false, stop_reason: null, terminal_reason: 'aborted_streaming' },
      { subtype: 'success', is_error: false, terminal_reason: 'completed', result: 'b' },
    ]);
  });

  test('4.8 the acknowledgement of a prompt is an isReplay line with its uuid, and the uuid is the one in the transcript', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cli = box.start({ cliSessionId });
    const uuid = crypto.randomUUID();
    const lines = await cli.turn('[[say hello]]', { uuid });
    const content = '[[say hello]]';
    expect(lines.filter(isAck)).toMatchObject([{ uuid, message: { role: 'user', content } }]);
    const users = (await box.transcript(cliSessionId)).filter(({ type }) => type === 'user');
    expect(users).toMatchObject([{ uuid, message: { role: 'user', content } }]);
  });

  test('4.9 the acknowledgement does not come before the model answers', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt('[[slow ms=60000]]');
    await box.called(1);
    await cli.control({ subtype: 'get_binary_version' });
    expect(acksOf(cli.lines)).toEqual([]);
    cli.requestControl({ subtype: 'interrupt' });
    await cli.waitFor({ type: 'result' });
    const lines = await cli.turn('[[say hello]]');
    const order = lines.filter((line) => isAck(line) || line['type'] === 'assistant').map(isAck);
    expect(order).toEqual([true, false]);
  });

  test('4.10 a uuid that this process has seen is acknowledged at once, without init, result or call of the model', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const uuid = await startStreaming(cli);
    cli.prompt(TEXT, { uuid }); // the turn runs
    await cli.waitFor(IDLE);
    const from = cli.lines.length;
    cli.prompt(TEXT, { uuid }); // it is over
    await cli.waitFor({ type: 'user', isReplay: true, uuid }, { from });
    const lines = await cli.turn('[[say next]]');
    expect(resultsOf(lines)).toEqual(['next']);
    expect(kindsOf(cli.lines).filter((kind) => kind === 'system/init')).toHaveLength(2);
    expect(box.modelCalls).toHaveLength(2);
  });

  test('4.11 a uuid of the transcript is swallowed the same way after --resume', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const uuid = crypto.randomUUID();
    const first = box.start({ cliSessionId });
    await first.turn('[[say hello]]', { uuid });
    first.endInput();
    await first.exit();
    const second = box.start({ cliSessionId, resume: true });
    second.prompt('[[say hello]]', { uuid });
    await second.waitFor({ type: 'user', isReplay: true, uuid });
    const lines = await second.turn('[[say next]]');
    expect(resultsOf(lines)).toEqual(['next']);
    expect(kindsOf(second.lines).filter((kind) => kind === 'system/init')).toHaveLength(1);
    expect(box.modelCalls).toHaveLength(2);
  });
});
