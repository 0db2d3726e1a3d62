// How the CLI starts, says who it is, and finds a conversation again. Facts of docs/CLI_FACTS.md §1.
import { createRequire } from 'node:module';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isTested } from '@holdfast/shared/runtime';
import { linesWith } from './support/lines.ts';
import { createSandbox, wasSent } from './support/sandbox.ts';

const INIT = { type: 'system', subtype: 'init' };
const NOT_FOUND = { type: 'result', subtype: 'error_during_execution', is_error: true, num_turns: 0 };

describe('§1 Start and identity', () => {
  test('1.1 the pinned package is a tested version', () => {
    const { version } = z
      .object({ version: z.string() })
      .parse(createRequire(import.meta.url)('@anthropic-ai/claude-code/package.json'));
    expect(isTested(version)).toBe(true);
  });

  test('1.2 without --verbose it refuses to start, with exit code 1', async () => {
    await using box = await createSandbox();
    const allArgs = ['--print', '--input-format', 'stream-json', '--output-format', 'stream-json'];
    const cli = box.start({ allArgs });
    expect(await cli.exit()).toEqual({ code: 1, signal: null });
    expect(cli.stderr).toContain('--verbose');
  });

  test('1.3 it writes nothing before the first input, and answers control requests before the first prompt', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    expect(await cli.control({ subtype: 'get_binary_version' })).toMatchObject({
      subtype: 'success',
      response: { version: expect.stringMatching(/^\d+\.\d+\.\d+$/u) },
    });
    expect(cli.lines.map(({ type }) => type)).toEqual(['control_response']);
    expect(await cli.control({ subtype: 'initialize' })).toMatchObject({
      subtype: 'success',
      response: { commands: expect.any(Array), models: expect.any(Array) },
    });
    expect(await cli.control({ subtype: 'initialize' })).toMatchObject({ subtype: 'success' });
    expect(cli.lines.filter(({ subtype }) => subtype === 'init')).toEqual([]);
    expect(box.modelCalls).toHaveLength(0);
  });

  test('1.4 every turn begins with an init that carries the session id and the version', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cli = box.start({ cliSessionId });
    const { response } = await cli.control({ subtype: 'get_binary_version' });
    const { version } = z.looseObject({ version: z.string() }).parse(response);
    for (const text of ['[[say one]]', '[[say two]]']) {
      const lines = await cli.turn(text);
      const inits = lines.filter(({ subtype }) => subtype === 'init');
      expect(inits).toMatchObject([{ ...INIT, session_id: cliSessionId, claude_code_version: version }]);
      expect(lines.at(-1)).toMatchObject({ type: 'result', session_id: cliSessionId });
    }
  });

  test('1.5 the transcript is <config>/projects/<working folder, all but letters and digits as ->/<id>.jsonl', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cwd = join(box.cwd, 'sub_folder.v1 x');
    await mkdir(cwd);
    const cli = box.start({ cliSessionId, cwd });
    await cli.turn('[[say hello]]');
    const lines = await box.transcript(cliSessionId, cwd);
    expect(lines).toContainEqual(
      expect.objectContaining({ type: 'assistant', sessionId: cliSessionId, cwd }),
    );
  });

  test('1.6 --session-id with an id that has a transcript exits with code 1', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const first = box.start({ cliSessionId });
    await first.turn('[[say hello]]');
    first.endInput();
    await first.exit();
    const second = box.start({ cliSessionId });
    expect(await second.exit()).toEqual({ code: 1, signal: null });
    expect(second.stderr).toContain(cliSessionId);
  });

  test('1.7 --resume goes on with the conversation under the same id', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const first = box.start({ cliSessionId });
    await first.turn('[[say the first answer]]');
    first.endInput();
    await first.exit();
    const second = box.start({ cliSessionId, resume: true });
    const lines = await second.turn('[[say the second answer]]');
    expect(lines.at(-1)).toMatchObject({ session_id: cliSessionId, result: 'the second answer' });
    expect(wasSent(box.modelCalls.at(-1), 'the first answer')).toBe(true);
  });

  test('1.8 --resume of an unknown id gives a failed result without any input, and exit code 1', async () => {
    await using box = await createSandbox();
    const cli = box.start({ cliSessionId: crypto.randomUUID(), resume: true });
    expect(await cli.waitFor({ type: 'result' })).toMatchObject(NOT_FOUND);
    expect(await cli.exit()).toEqual({ code: 1, signal: null });
  });

  test('1.9 --resume finds no conversation that was begun in another working folder', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const first = box.start({ cliSessionId });
    await first.turn('[[say hello]]');
    first.endInput();
    await first.exit();
    const cwd = join(box.cwd, 'elsewhere');
    await mkdir(cwd);
    const second = box.start({ cliSessionId, resume: true, cwd });
    second.endInput();
    expect(await second.waitFor({ type: 'result' })).toMatchObject(NOT_FOUND);
    expect(await second.exit()).toEqual({ code: 1, signal: null });
  });

  test('1.10 /clear goes on under a new session id, without the earlier conversation', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cli = box.start({ cliSessionId });
    await cli.turn('[[say a thing to forget]]');
    await cli.turn('/clear');
    const lines = await cli.turn('[[say hello again]]');
    const next = lines.find(({ subtype }) => subtype === 'init')?.['session_id'];
    expect(next).toEqual(expect.any(String));
    expect(next).not.toBe(cliSessionId);
    expect(linesWith(lines, cliSessionId)).toEqual([]);
    expect(wasSent(box.modelCalls.at(-1), 'a thing to forget')).toBe(false);
  });

  test('1.11 session_state_changed says running before the init and idle after the result', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    await cli.turn('[[say hello]]');
    const state = { type: 'system', subtype: 'session_state_changed' };
    await cli.waitFor({ ...state, state: 'idle' });
    const seen = cli.lines.flatMap(({ type, subtype, state: value }) =>
      subtype === 'session_state_changed'
        ? [value]
        : subtype === 'init' || type === 'result'
          ? [subtype]
          : [],
    );
    expect(seen).toEqual(['running', 'init', 'success', 'idle']);
  });

  test('1.12 without CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS it tells no states', async () => {
    await using box = await createSandbox();
    const cli = box.start({ env: { CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS: undefined } });
    await cli.turn('[[say hello]]');
    cli.endInput();
    await cli.exit();
    expect(cli.lines.filter(({ subtype }) => subtype === 'session_state_changed')).toEqual([]);
  });
});
