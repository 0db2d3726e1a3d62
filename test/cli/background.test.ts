// Turns that the CLI begins by itself. Facts of docs/CLI_FACTS.md §15.
import { describe, expect, test } from 'vitest';
import { kindsOf } from './support/lines.ts';
import { createSandbox } from './support/sandbox.ts';
import { bash } from './support/shell.ts';

const BASH = { settings: { allowedTools: ['Bash'] } };
const OWN_RESULT = { type: 'result', origin: { kind: 'task-notification' } };

describe('§15 Turns of the CLI itself', () => {
  test('15.1 Bash that ends in the background begins a turn, whose result has the origin task-notification', async () => {
    await using box = await createSandbox();
    const cli = box.start(BASH);
    const background = bash('sleep 2', { run_in_background: true });
    const lines = await cli.turn(`${background} [[say It runs.]] [[stop end_turn]] [[say It has finished.]]`);
    const task = lines.find(({ subtype }) => subtype === 'task_started');
    expect(task).toMatchObject({ task_id: expect.any(String), tool_use_id: expect.any(String) });
    expect(lines.at(-1)).toMatchObject({ result: 'It runs.' });
    expect(lines.at(-1)).not.toHaveProperty('origin');
    const own = await cli.linesUntil(OWN_RESULT, lines.length);
    expect(own.at(-1)).toMatchObject({ result: 'It has finished.', is_error: false });
    expect(kindsOf(own)).toEqual(expect.arrayContaining(['system/task_notification', 'system/init']));
    expect(own.find(({ subtype }) => subtype === 'task_notification')).toMatchObject({
      task_id: task?.['task_id'],
      status: 'completed',
    });
    expect(own.filter(({ isReplay }) => isReplay === true)).toEqual([]);
  });

  test('15.2 while Bash runs in the background the state is idle, and prompts are answered', async () => {
    await using box = await createSandbox();
    const cli = box.start(BASH);
    await cli.turn(`${bash('sleep 60', { run_in_background: true })} [[say It runs.]]`);
    await cli.waitFor({ subtype: 'session_state_changed', state: 'idle' });
    const lines = await cli.turn('[[say meanwhile]]');
    expect(lines.at(-1)).toMatchObject({ result: 'meanwhile' });
    expect(lines.at(-1)).not.toHaveProperty('origin');
  });

  test('15.3 a subagent is part of the turn: the result comes after its end', async () => {
    await using box = await createSandbox();
    const cli = box.start(BASH);
    const subagent = { description: 'd', subagent_type: 'general-purpose', prompt: bash('sleep 1') };
    const lines = await cli.turn(`[[tool Task ${JSON.stringify(subagent)}]] [[say done]]`);
    expect(lines.filter(({ subtype }) => subtype === 'task_notification')).toMatchObject([
      { status: 'completed' },
    ]);
    expect(lines.at(-1)).toMatchObject({ result: 'done' });
  });
});
