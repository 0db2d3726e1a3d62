// Rules, modes and hooks that decide before anybody is asked. Facts of docs/CLI_FACTS.md §10.
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { allow, asked, deny, questions, toolResults } from './support/asking.ts';
import { createSandbox, toolNames, wasSent, type StartOptions } from './support/sandbox.ts';
import { bash } from './support/shell.ts';

const withSettings = (settings: unknown): StartOptions => ({
  args: ['--settings', JSON.stringify(settings)],
});

const hook = (event: string, command: string): StartOptions =>
  withSettings({ hooks: { [event]: [{ matcher: '', hooks: [{ type: 'command', command }] }] } });

describe('§10 Rules, modes and hooks', () => {
  test('10.1 reading is free in default mode; writing, other programs and paths outside are asked', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const free = await cli.turn(`${bash('ls && pwd && git status; echo x | grep x')} [[say done]]`);
    expect(toolResults(free)).toHaveLength(1);
    expect(questions(cli)).toEqual([]);
    for (const [index, command] of ['mkdir x', 'python3 -c 1', 'curl x', 'ls /etc'].entries()) {
      cli.prompt(`${bash(command)} [[say done]]`);
      const question = await asked(cli, index + 1);
      cli.answer(question, { behavior: 'deny', message: 'no', interrupt: true });
      await cli.waitFor({ type: 'result' }, { from: cli.lines.indexOf(question) });
    }
  });

  test('10.2 --allowedTools frees a tool, or one command of Bash', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { allowedTools: ['Bash(python3 *)', 'Write'] } });
    const write = JSON.stringify({ file_path: join(box.cwd, 'a.txt'), content: 'x' });
    const lines = await cli.turn(`${bash('python3 -c 1')} [[tool Write ${write}]] [[say done]]`);
    expect(toolResults(lines).map(({ isError }) => isError)).toEqual([false, false]);
    expect(questions(cli)).toEqual([]);
    cli.prompt(bash('touch a.txt'));
    await asked(cli);
  });

  test('10.3 --disallowedTools takes a tool away, or denies one command of Bash without asking', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { disallowedTools: ['WebFetch', 'Bash(touch *)'] } });
    const lines = await cli.turn(`${bash('touch a.txt')} [[say done]]`);
    expect(toolResults(lines)).toMatchObject([{ isError: true }]);
    expect(questions(cli)).toEqual([]);
    expect(toolNames(box.modelCalls[0])).not.toContain('WebFetch');
  });

  test('10.4 allow, deny and ask of --settings work in a workspace that is not trusted', async () => {
    await using box = await createSandbox();
    const permissions = { allow: ['Bash(python3 *)'], deny: ['Bash(rm *)'], ask: ['Bash(ls)'] };
    const cli = box.start(withSettings({ permissions }));
    const lines = await cli.turn(`${bash('python3 -c 1')} ${bash('rm x')} [[say done]]`);
    expect(toolResults(lines).map(({ isError }) => isError)).toEqual([false, true]);
    expect(lines).toContainEqual(
      expect.objectContaining({ type: 'system', subtype: 'permission_denied', tool_name: 'Bash' }),
    );
    expect(questions(cli)).toEqual([]);
    cli.prompt(`${bash('ls')} [[say done]]`);
    allow(cli, await asked(cli));
  });

  test('10.5 allow rules of the project are ignored in a workspace that is not trusted', async () => {
    await using box = await createSandbox();
    await mkdir(join(box.cwd, '.claude'));
    const settings = { permissions: { allow: ['Bash(python3 *)'] } };
    await writeFile(join(box.cwd, '.claude/settings.json'), JSON.stringify(settings));
    const cli = box.start();
    cli.prompt(`${bash('python3 -c 1')} [[say done]]`);
    expect(await asked(cli)).toMatchObject({ request: { tool_name: 'Bash' } });
  });

  test('10.6 allow rules of the project hold once the configuration says that its folder is trusted', async () => {
    await using box = await createSandbox();
    await mkdir(join(box.cwd, '.claude'));
    const settings = { permissions: { allow: ['Bash(python3 *)'] } };
    await writeFile(join(box.cwd, '.claude/settings.json'), JSON.stringify(settings));
    const trusted = { projects: { [box.cwd]: { hasTrustDialogAccepted: true } } };
    await writeFile(join(box.configDir, '.claude.json'), JSON.stringify(trusted));
    const cli = box.start();
    const lines = await cli.turn(`${bash('python3 -c 1')} [[say done]]`);
    expect(toolResults(lines)).toMatchObject([{ isError: false }]);
    expect(questions(cli)).toEqual([]);
  });

  test('10.7 acceptEdits frees writing inside the workspace and asks for the rest', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { permissionMode: 'acceptEdits' } });
    const write = JSON.stringify({ file_path: join(box.cwd, 'a.txt'), content: 'x' });
    const lines = await cli.turn(`[[tool Write ${write}]] ${bash('touch b.txt')} [[say done]]`);
    expect(toolResults(lines).map(({ isError }) => isError)).toEqual([false, false]);
    expect(questions(cli)).toEqual([]);
    cli.prompt(bash('python3 -c 1'));
    await asked(cli);
  });

  test('10.8 a PreToolUse hook that denies keeps the tool from running; --include-hook-events tells of it', async () => {
    await using box = await createSandbox();
    const decision = {
      hookEventName: 'PreToolUse',
      permissionDecision: 'deny',
      permissionDecisionReason: 'the hook says no',
    };
    const cli = box.start(hook('PreToolUse', `echo '${JSON.stringify({ hookSpecificOutput: decision })}'`));
    const lines = await cli.turn(`${bash('echo ran')} [[say done]]`);
    expect(toolResults(lines)).toMatchObject([
      { text: expect.stringContaining('the hook says no'), isError: true },
    ]);
    const told = lines.filter(({ hook_event: event }) => event === 'PreToolUse');
    expect(told).toMatchObject([
      { type: 'system', subtype: 'hook_started', hook_name: 'PreToolUse:Bash' },
      { type: 'system', subtype: 'hook_response', outcome: 'success', exit_code: 0 },
    ]);
  });

  test('10.9 a UserPromptSubmit hook that blocks gives system/informational and an empty result of no turns', async () => {
    await using box = await createSandbox();
    const cli = box.start(hook('UserPromptSubmit', 'echo "blocked by the hook" >&2; exit 2'));
    const lines = await cli.turn('[[say hello]]');
    expect(lines).toContainEqual(expect.objectContaining({ type: 'system', subtype: 'informational' }));
    expect(lines.at(-1)).toMatchObject({ subtype: 'success', is_error: false, num_turns: 0 });
    expect(box.modelCalls).toHaveLength(0);
  });

  test('10.10 a Stop hook that blocks makes the model go on in the same turn', async () => {
    await using box = await createSandbox();
    const once = 'test -e stopped && exit 0; touch stopped; echo "not yet" >&2; exit 2';
    const cli = box.start(hook('Stop', once));
    const lines = await cli.turn('[[say hello]]');
    expect(lines.at(-1)).toMatchObject({ type: 'result', is_error: false });
    expect(box.modelCalls).toHaveLength(2);
    expect(wasSent(box.modelCalls[1], 'not yet')).toBe(true);
  });

  test('10.11 in plan mode an allow rule lets a shell command run without asking; a Write is asked all the same', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { permissionMode: 'plan', allowedTools: ['Write', 'Bash(touch *)'] } });
    const write = JSON.stringify({ file_path: join(box.cwd, 'a.txt'), content: 'x' });
    cli.prompt(`${bash('touch b.txt')} [[tool Write ${write}]] [[say done]]`);
    const question = await asked(cli);
    expect(question).toMatchObject({ request: { tool_name: 'Write' } });
    await access(join(box.cwd, 'b.txt'));
    deny(cli, question, 'no');
    await cli.waitFor({ type: 'result' });
  });

  test('10.12 a PreToolUse hook of initialize is asked before every tool call, subagents included, with the mode; it tells no hook events', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { permissionMode: 'plan', allowedTools: ['Bash'] } });
    const PreToolUse = [{ matcher: null, hookCallbackIds: ['guard'], timeout: 600 }];
    await cli.control({ subtype: 'initialize', hooks: { PreToolUse } });
    const inner = {
      description: 'd',
      subagent_type: 'general-purpose',
      prompt: `${bash('touch b.txt')} [[say x]]`,
    };
    cli.prompt(`[[tool Task ${JSON.stringify(inner)}]] [[say done]]`);
    const CALL = { type: 'control_request', request: { subtype: 'hook_callback', callback_id: 'guard' } };
    const first = await cli.waitFor(CALL);
    expect(first).toMatchObject({ request: { input: { tool_name: 'Agent', permission_mode: 'plan' } } });
    cli.answer(first, {});
    const second = await cli.waitFor(CALL, { from: cli.lines.indexOf(first) + 1 });
    expect(second).toMatchObject({ request: { input: { tool_name: 'Bash', permission_mode: 'plan' } } });
    const decision = { permissionDecision: 'deny', permissionDecisionReason: 'not while planning' };
    cli.answer(second, { hookSpecificOutput: { hookEventName: 'PreToolUse', ...decision } });
    await cli.waitFor({ type: 'result' });
    await expect(access(join(box.cwd, 'b.txt'))).rejects.toThrow('ENOENT');
    expect(cli.lines.filter(({ hook_event: event }) => event === 'PreToolUse')).toEqual([]);
  });
});
