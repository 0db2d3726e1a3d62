// Questions to the person, and plans. Facts of docs/CLI_FACTS.md §9.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allow, asked, deny, inputOf, questions, toolResults } from './support/asking.ts';
import type { Line } from './support/lines.ts';
import { createSandbox } from './support/sandbox.ts';

const QUESTION = {
  question: 'Which colour?',
  header: 'Colour',
  multiSelect: false,
  options: [
    { label: 'Blue', description: 'Like the sky' },
    { label: 'Red', description: 'Like a rose' },
  ],
};
const ASK = `[[tool AskUserQuestion ${JSON.stringify({ questions: [QUESTION] })}]] [[say done]]`;
const PLAN = '[[tool ExitPlanMode {"plan":"1. Do it"}]] [[say done]]';
const PLAN_MODE = { settings: { permissionMode: 'plan' as const } };

const modeOf = (lines: readonly Line[]): unknown =>
  lines.find(({ subtype }) => subtype === 'init')?.['permissionMode'];

describe('§9 Questions and plans', () => {
  test('9.1 AskUserQuestion and ExitPlanMode are tools only where there is a permission prompt tool', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    await cli.turn('[[say hello]]');
    const allArgs = [
      '--print',
      '--verbose',
      '--input-format',
      'stream-json',
      '--output-format',
      'stream-json',
    ];
    const silent = await box.start({ allArgs }).turn('[[say hello]]');
    const [asking, without] = [cli.lines, silent].map(
      (lines) => lines.find(({ subtype }) => subtype === 'init')?.['tools'],
    );
    expect(asking).toEqual(expect.arrayContaining(['AskUserQuestion', 'ExitPlanMode']));
    expect(without).toEqual(expect.arrayContaining(['Bash']));
    expect(without).not.toContain('AskUserQuestion');
    expect(without).not.toContain('ExitPlanMode');
  });

  test('9.2 AskUserQuestion is answered by allow with answers in updatedInput', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(ASK);
    const question = await asked(cli);
    expect(question).toMatchObject({
      request: { tool_name: 'AskUserQuestion', input: { questions: [QUESTION] } },
    });
    allow(cli, question, { ...inputOf(question), answers: { 'Which colour?': 'Blue' } });
    const lines = await cli.linesUntil({ type: 'result' });
    expect(toolResults(lines)).toMatchObject([
      { isError: false, text: expect.stringContaining('"Which colour?"="Blue"') },
    ]);
  });

  test('9.3 allow without answers tells the model that there was no answer; deny gives it the message', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    cli.prompt(ASK);
    allow(cli, await asked(cli));
    expect(toolResults(await cli.linesUntil({ type: 'result' }))).toMatchObject([
      { text: expect.stringContaining('did not answer') },
    ]);
    const from = cli.lines.length;
    cli.prompt(ASK);
    deny(cli, await asked(cli, 2), 'ask somebody else');
    expect(toolResults(await cli.linesUntil({ type: 'result' }, from))).toEqual([
      { text: 'ask somebody else', isError: true },
    ]);
  });

  test('9.4 AskUserQuestion asks even in the mode bypassPermissions', async () => {
    await using box = await createSandbox();
    const cli = box.start({ args: ['--permission-mode', 'bypassPermissions'] });
    cli.prompt(ASK);
    expect(await asked(cli)).toMatchObject({ request: { tool_name: 'AskUserQuestion' } });
    expect(modeOf(cli.lines)).toBe('bypassPermissions');
  });

  test('9.5 ExitPlanMode asks with the plan; allow approves it and the mode becomes default', async () => {
    await using box = await createSandbox();
    const cli = box.start(PLAN_MODE);
    cli.prompt(PLAN);
    const question = await asked(cli);
    expect(question).toMatchObject({ request: { tool_name: 'ExitPlanMode', input: { plan: '1. Do it' } } });
    allow(cli, question);
    const lines = await cli.linesUntil({ type: 'result' });
    expect(modeOf(lines)).toBe('plan');
    expect(toolResults(lines)).toMatchObject([{ isError: false, text: expect.stringContaining('approved') }]);
    expect(modeOf(await cli.turn('[[say x]]'))).toBe('default');
  });

  test('9.6 a plan that is allowed with setMode acceptEdits goes on in that mode', async () => {
    await using box = await createSandbox();
    const cli = box.start(PLAN_MODE);
    cli.prompt(PLAN);
    const question = await asked(cli);
    const updatedPermissions = [{ type: 'setMode', mode: 'acceptEdits', destination: 'session' }];
    cli.answer(question, { behavior: 'allow', updatedInput: inputOf(question), updatedPermissions });
    await cli.waitFor({ type: 'result' });
    expect(modeOf(await cli.turn('[[say x]]'))).toBe('acceptEdits');
  });

  test('9.7 a plan that is denied gives the model the message, and plan mode goes on', async () => {
    await using box = await createSandbox();
    const cli = box.start(PLAN_MODE);
    cli.prompt(PLAN);
    deny(cli, await asked(cli), 'think about the tests');
    const lines = await cli.linesUntil({ type: 'result' });
    expect(toolResults(lines)).toEqual([{ text: 'think about the tests', isError: true }]);
    expect(modeOf(await cli.turn('[[say x]]'))).toBe('plan');
  });

  test('9.8 in plan mode a Write is asked like everywhere, and runs when the host says allow', async () => {
    await using box = await createSandbox();
    const cli = box.start(PLAN_MODE);
    const input = JSON.stringify({ file_path: join(box.cwd, 'plan.txt'), content: 'written' });
    cli.prompt(`[[tool Write ${input}]] [[say done]]`);
    const question = await asked(cli);
    expect(question).toMatchObject({ request: { tool_name: 'Write', decision_reason_type: 'mode' } });
    allow(cli, question);
    await cli.waitFor({ type: 'result' });
    expect(await readFile(join(box.cwd, 'plan.txt'), 'utf8')).toBe('written');
  });

  test('9.9 EnterPlanMode is not asked; system/status tells that the mode is plan now', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const lines = await cli.turn('[[tool EnterPlanMode {}]] [[say done]]');
    expect(questions(cli)).toEqual([]);
    expect(lines).toContainEqual(expect.objectContaining({ subtype: 'status', permissionMode: 'plan' }));
    expect(modeOf(await cli.turn('[[say x]]'))).toBe('plan');
  });

  test('9.10 in plan mode the plan file may be written without asking, and what it holds is the plan that is asked', async () => {
    await using box = await createSandbox();
    const cli = box.start(PLAN_MODE);
    await cli.turn('[[say hello]]');
    const path = /[^\s"\\`]+\/plans\/[^\s"\\`]+\.md/u.exec(JSON.stringify(box.modelCalls[0]?.body))?.[0];
    expect(path).toContain(box.configDir);
    const write = JSON.stringify({ file_path: path, content: '# The plan' });
    cli.prompt(`[[tool Write ${write}]] [[tool ExitPlanMode {}]] [[say done]]`);
    const question = await asked(cli);
    expect(question).toMatchObject({
      request: { tool_name: 'ExitPlanMode', input: { plan: '# The plan', planFilePath: path } },
    });
    deny(cli, question, 'no');
    await cli.waitFor({ type: 'result' }, { from: cli.lines.indexOf(question) });
    expect(questions(cli)).toHaveLength(1);
  });
});
