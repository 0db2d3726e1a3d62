// The answer as it streams, and what interrupts a stream. Facts of docs/CLI_FACTS.md §6.
import { describe, expect, test } from 'vitest';
import { CliMessage } from '../../apps/worker/src/agent/cli-messages.ts';
import { dig, kindsOf, textAt, type Line } from './support/lines.ts';
import { createSandbox } from './support/sandbox.ts';
import { bash } from './support/shell.ts';

const BASH = { settings: { allowedTools: ['Bash'] } };

/** Each line of an answer in short: `start 0`, `delta 0`, `assistant text`, `stop 0`; repeated deltas once. */
function shapeOf(lines: readonly Line[]): string[] {
  const shape = lines.flatMap((line) => {
    if (line['type'] === 'assistant') return [`assistant ${textAt(line, 'message', 'content', 0, 'type')}`];
    const part = /^content_block_(start|delta|stop)$/u.exec(textAt(line, 'event', 'type'))?.[1];
    return part === undefined ? [] : [`${part} ${String(dig(line, 'event', 'index'))}`];
  });
  return shape.filter((entry, index) => entry !== shape[index - 1]);
}

const streamedIds = (lines: readonly Line[]): string[] =>
  lines.map((line) => textAt(line, 'event', 'message', 'id')).filter(Boolean);

const completedIds = (lines: readonly Line[]): string[] =>
  lines.filter(({ type }) => type === 'assistant').map((line) => textAt(line, 'message', 'id'));

const deltaText = (lines: readonly Line[]): string =>
  lines.map((line) => textAt(line, 'event', 'delta', 'text')).join('');

async function expectSilentRepeat(fault: string): Promise<void> {
  await using box = await createSandbox();
  const cli = box.start();
  const lines = await cli.turn(`[[text count=5]] ${fault}`);
  expect(lines.at(-1)).toMatchObject({ is_error: false, result: 'w0 w1 w2 w3 w4 ' });
  expect(deltaText(lines)).toBe('w0 w1 w2 w3 w4 ');
  const [abandoned] = streamedIds(lines);
  expect(completedIds(lines)).toHaveLength(1);
  expect(completedIds(lines)).not.toContain(abandoned);
  expect(kindsOf(lines)).not.toContain('system/api_retry');
  expect(box.modelCalls.map(({ body }) => body['stream'] ?? false)).toEqual([true, false]);
}

describe('§6 The stream', () => {
  test('6.1 each block gives one assistant line, in order, between its last delta and its content_block_stop', async () => {
    await using box = await createSandbox();
    const cli = box.start(BASH);
    const lines = await cli.turn(
      `[[think hm]] [[say "a b"]] ${bash('echo x')} [[also Bash {"command":"echo y"}]]`,
    );
    const firstAnswer = lines.slice(
      0,
      lines.findIndex((line) => textAt(line, 'event', 'type') === 'message_stop'),
    );
    expect(shapeOf(firstAnswer)).toEqual(
      ['thinking', 'text', 'tool_use', 'tool_use'].flatMap((type, index) => [
        ...[`start ${index}`, `delta ${index}`, `assistant ${type}`, `stop ${index}`],
      ]),
    );
    const [id] = streamedIds(firstAnswer);
    expect(completedIds(firstAnswer)).toEqual([id, id, id, id]);
  });

  test('6.2 every line of a turn with thinking, text, tools and a subagent is one that the worker understands', async () => {
    await using box = await createSandbox();
    const cli = box.start(BASH);
    const subagent = { description: 'd', subagent_type: 'general-purpose', prompt: bash('echo sub') };
    const lines = await cli.turn(
      `[[think hm]] ${bash('echo x')} [[tool Task ${JSON.stringify(subagent)}]] [[say done]]`,
    );
    const strange = lines.filter((line) => !CliMessage.safeParse(line).success);
    expect(kindsOf(strange)).toEqual([]);
    expect(cli.badLines).toEqual([]);
  });

  test('6.3 lines of a subagent carry the id of the tool call that began it as parent_tool_use_id', async () => {
    await using box = await createSandbox();
    const cli = box.start(BASH);
    const subagent = {
      description: 'd',
      subagent_type: 'general-purpose',
      prompt: bash('echo from below'),
      run_in_background: false,
    };
    const lines = await cli.turn(`[[tool Task ${JSON.stringify(subagent)}]] [[say done]]`);
    const parentId = lines.map((line) => textAt(line, 'message', 'content', 0, 'id')).find(Boolean);
    const inner = lines.filter((line) => dig(line, 'parent_tool_use_id') === parentId);
    const types = inner.map((line) => textAt(line, 'message', 'content', 0, 'type'));
    expect(types).toEqual(expect.arrayContaining(['tool_use', 'tool_result']));
    expect(lines.at(-1)).toMatchObject({ type: 'result', result: 'done' });
  });

  test('6.4 after an error event in mid-stream the call is repeated in silence, under a new message id', async () => {
    await expectSilentRepeat('[[error stream]]');
  });

  test('6.5 after a connection cut in mid-stream the call is repeated in silence, under a new message id', async () => {
    await expectSilentRepeat('[[cut times=1]]');
  });

  test('6.6 after stop_reason max_tokens the CLI asks for the rest by itself; the result is the last answer', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const lines = await cli.turn('[[say one]] [[stop max_tokens]] [[say two]]');
    expect(lines.at(-1)).toMatchObject({ is_error: false, result: 'two', stop_reason: 'end_turn' });
    expect(new Set(completedIds(lines)).size).toBe(2);
    expect(box.modelCalls).toHaveLength(2);
  });

  test('6.7 a refusal is a result with is_error and stop_reason refusal, after system/model_refusal_no_fallback', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const lines = await cli.turn('[[say one]] [[stop refusal]]');
    expect(kindsOf(lines)).toContain('system/model_refusal_no_fallback');
    expect(lines.at(-1)).toMatchObject({ subtype: 'success', is_error: true, stop_reason: 'refusal' });
  });

  test('6.8 without --include-partial-messages there are no stream events, and the assistant lines are the same', async () => {
    await using box = await createSandbox();
    const allArgs = [
      '--print',
      '--verbose',
      '--input-format',
      'stream-json',
      '--output-format',
      'stream-json',
    ];
    const cli = box.start({ allArgs });
    const lines = await cli.turn('[[think hm]] [[say a]]');
    expect(kindsOf(lines)).not.toContain('stream_event');
    expect(shapeOf(lines)).toEqual(['assistant thinking', 'assistant text']);
  });

  test('6.9 a turn runs from state and init over the acknowledgement and the answer to the result', async () => {
    await using box = await createSandbox();
    const kinds = kindsOf(await box.start().turn('[[say hello]]'));
    const order = ['system/session_state_changed', 'system/init', 'user', 'assistant', 'result/success'];
    expect(kinds.filter((kind) => order.includes(kind))).toEqual(order);
  });
});
