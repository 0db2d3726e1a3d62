// Permission questions over the control channel. Facts of docs/CLI_FACTS.md §8.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allow, ASKED, asked, deny, inputOf, questions, toolResults } from './support/asking.ts';
import { dig, kindsOf, type Line } from './support/lines.ts';
import { createSandbox, wasSent, type Sandbox } from './support/sandbox.ts';
import { bash } from './support/shell.ts';

const TOUCH = bash('touch asked.txt');
const MODE = { type: 'system', subtype: 'status' };

async function wasMade(box: Sandbox, name: string): Promise<boolean> {
  return access(join(box.cwd, name)).then(
    () => true,
    () => false,
  );
}

const fetchOf = (name: string): string => JSON.stringify({ url: `https://127.0.0.1:9/${name}`, prompt: 'x' });

/** Answers a question in each of these ways, and sees that the tool did not run and the turn went on. */
async function expectDenial(answers: readonly Line[]): Promise<void> {
  await using box = await createSandbox();
  const cli = box.start();
  for (const answer of answers) {
    const from = cli.lines.length;
    cli.prompt(`${TOUCH} [[say done]]`);
    const question = await cli.waitFor(ASKED, { from });
    cli.send({ type: 'control_response', response: { ...answer, request_id: question['request_id'] } });
    const lines = await cli.linesUntil({ type: 'result' }, from);
    expect(toolResults(lines)).toMatchObject([{ isError: true }]);
    expect(lines.at(-1)).toMatchObject({ result: 'done', permission_denials: [{ tool_name: 'Bash' }] });
  }
  expect(await wasMade(box, 'asked.txt')).toBe(false);
}

describe('§8 Permission questions', () => {
  test('8.1 a question names the tool, its input, its call, the blocked path and suggestions, and no session', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(`${TOUCH} [[say done]]`);
    const question = await asked(cli);
    const call = await cli.waitFor({ type: 'assistant' });
    const suggestions = [
      { type: 'addRules', rules: [{ toolName: 'Bash' }], behavior: 'allow', destination: 'localSettings' },
      { type: 'addDirectories', directories: [box.cwd], destination: 'session' },
      { type: 'setMode', mode: 'acceptEdits', destination: 'session' },
    ];
    expect(question).toMatchObject({
      request_id: expect.any(String),
      request: {
        tool_name: 'Bash',
        display_name: 'Bash',
        input: { command: 'touch asked.txt' },
        tool_use_id: dig(call, 'message', 'content', 0, 'id'),
        blocked_path: join(box.cwd, 'asked.txt'),
        permission_suggestions: suggestions,
      },
    });
    expect(question).not.toHaveProperty('session_id');
  });

  test('8.2 allow runs the tool with updatedInput, also when that is not what was asked', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(`${TOUCH} [[say done]]`);
    allow(cli, await asked(cli), { command: 'touch changed.txt' });
    expect(await cli.waitFor({ type: 'result' })).toMatchObject({ result: 'done', permission_denials: [] });
    expect([await wasMade(box, 'asked.txt'), await wasMade(box, 'changed.txt')]).toEqual([false, true]);
  });

  test('8.3 an error and garbage are denials: the tool does not run, the turn goes on', async () => {
    await expectDenial([
      { subtype: 'error', error: 'broken' },
      { subtype: 'success', response: 'garbage' },
    ]);
  });

  test('8.4 allow without updatedInput is a denial too', async () => {
    await expectDenial([{ subtype: 'success', response: { behavior: 'allow' } }]);
  });

  test('8.5 the message of a denial is what the model gets as the failed result of its call', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(`${TOUCH} [[say done]]`);
    deny(cli, await asked(cli), 'not on a Sunday');
    const lines = await cli.linesUntil({ type: 'result' });
    expect(toolResults(lines)).toEqual([{ text: 'not on a Sunday', isError: true }]);
    expect(lines.at(-1)).toMatchObject({ result: 'done', permission_denials: [{ tool_name: 'Bash' }] });
    expect(wasSent(box.modelCalls.at(-1), 'not on a Sunday')).toBe(true);
  });

  test('8.6 deny with interrupt ends the turn as an abort, without another call of the model', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(`${TOUCH} [[say done]]`);
    cli.answer(await asked(cli), { behavior: 'deny', message: 'stop', interrupt: true });
    expect(await cli.waitFor({ type: 'result' })).toMatchObject({
      subtype: 'error_during_execution',
      terminal_reason: 'aborted_tools',
    });
    expect(box.modelCalls).toHaveLength(1);
    expect((await cli.turn('[[say still here]]')).at(-1)).toMatchObject({ result: 'still here' });
  });

  test('8.7 an interrupt withdraws the question by control_cancel_request; late and second answers change nothing', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(`${TOUCH} [[say done]]`);
    const question = await asked(cli);
    cli.requestControl({ subtype: 'interrupt' });
    await cli.waitFor({ type: 'control_cancel_request', request_id: question['request_id'] });
    expect(await cli.waitFor({ type: 'result' })).toMatchObject({ terminal_reason: 'aborted_tools' });
    allow(cli, question);
    allow(cli, question);
    cli.answer({ request_id: 'no-such-question' }, { behavior: 'allow', updatedInput: {} });
    expect((await cli.turn('[[say still here]]')).at(-1)).toMatchObject({ result: 'still here' });
    expect(await wasMade(box, 'asked.txt')).toBe(false);
  });

  test('8.8 several questions of one answer can be open at once, and each gets its own answer', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(`[[tool WebFetch ${fetchOf('a')}]] [[also WebFetch ${fetchOf('b')}]] [[say done]]`);
    await asked(cli, 2);
    for (const question of questions(cli).toReversed()) {
      deny(cli, question, `not ${String(inputOf(question)['url'])}`);
    }
    const lines = await cli.linesUntil({ type: 'result' });
    const texts = toolResults(lines).map(({ text }) => text);
    expect(texts.toSorted()).toEqual(['a', 'b'].map((name) => `not https://127.0.0.1:9/${name}`));
  });

  test('8.9 two Bash calls of one answer are asked one after the other, and both although they are the same', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(`${TOUCH} [[also Bash {"command":"touch asked.txt"}]] [[say done]]`);
    const question = await asked(cli);
    await cli.control({ subtype: 'get_binary_version' });
    expect(questions(cli)).toHaveLength(1);
    allow(cli, question);
    allow(cli, await asked(cli, 2));
    expect(await cli.waitFor({ type: 'result' })).toMatchObject({ result: 'done' });
  });

  test('8.10 a rule given back with destination session holds for this process', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(`${bash('python3 -c 1')} ${bash('python3 -c 2')} [[say done]]`);
    const question = await asked(cli);
    const rules = [{ toolName: 'Bash', ruleContent: 'python3 *' }];
    const updatedPermissions = [{ type: 'addRules', rules, behavior: 'allow', destination: 'session' }];
    cli.answer(question, { behavior: 'allow', updatedInput: inputOf(question), updatedPermissions });
    expect(await cli.waitFor({ type: 'result' })).toMatchObject({ result: 'done', permission_denials: [] });
    expect(questions(cli)).toHaveLength(1);
  });

  test('8.11 a setMode given back switches the mode, told by system/status', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(`${TOUCH} ${bash('touch second.txt')} [[say done]]`);
    const question = await asked(cli);
    const updatedPermissions = [{ type: 'setMode', mode: 'acceptEdits', destination: 'session' }];
    cli.answer(question, { behavior: 'allow', updatedInput: inputOf(question), updatedPermissions });
    await cli.waitFor({ ...MODE, permissionMode: 'acceptEdits' });
    await cli.waitFor({ type: 'result' });
    expect(questions(cli)).toHaveLength(1);
    expect((await cli.turn('[[say x]]')).find(({ subtype }) => subtype === 'init')).toMatchObject({
      permissionMode: 'acceptEdits',
    });
  });

  test('8.12 a question of a subagent carries its agent_id', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const subagent = { description: 'd', subagent_type: 'general-purpose', prompt: TOUCH };
    cli.prompt(`[[tool Task ${JSON.stringify(subagent)}]] [[say done]]`);
    const question = await asked(cli);
    const task = await cli.waitFor({ type: 'system', subtype: 'task_started' });
    expect(question).toMatchObject({ request: { tool_name: 'Bash', agent_id: task['task_id'] } });
    deny(cli, question, 'no');
    await cli.waitFor({ type: 'result' });
  });

  test('8.13 our own answers are echoed on stdout as control_response: they must be told apart by request id', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(`${TOUCH} [[say done]]`);
    const question = await asked(cli);
    allow(cli, question);
    await cli.waitFor({ type: 'result' });
    await cli.waitFor({
      type: 'control_response',
      response: { request_id: question['request_id'], response: { behavior: 'allow' } },
    });
  });

  test('8.14 the end of stdin while a question is open denies it; the turn goes on to its result and exit code 0', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(`${TOUCH} [[say done]]`);
    await asked(cli);
    cli.endInput();
    expect(await cli.waitFor({ type: 'result' })).toMatchObject({
      permission_denials: [{ tool_name: 'Bash' }],
    });
    expect(await cli.exit()).toEqual({ code: 0, signal: null });
    expect(await wasMade(box, 'asked.txt')).toBe(false);
    expect(kindsOf(cli.lines)).not.toContain('control_cancel_request');
  });
});
