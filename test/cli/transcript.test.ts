// What of a prompt is on disk and when: this decides whether a lost prompt was delivered. Facts of docs/CLI_FACTS.md §5.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import type { CliProcess } from './support/cli-process.ts';
import { kindsOf, linesWith } from './support/lines.ts';
import { createSandbox, wasSent, type Sandbox } from './support/sandbox.ts';
import { bash, running, uniqueSleep } from './support/shell.ts';

const BASH = { settings: { allowedTools: ['Bash'] } };

async function kill(cli: CliProcess): Promise<void> {
  cli.signal('SIGKILL');
  await cli.exit();
}

/** A first turn, so that the transcript is there, and a prompt on which the model stays silent. */
async function promptThenSilence(box: Sandbox, cli: CliProcess): Promise<string> {
  await cli.turn('[[say the first answer]]');
  const uuid = cli.prompt('[[slow ms=60000]]', { priority: 'later' });
  await box.called(2);
  return uuid;
}

/** Starts a Bash call that lasts and, while it does, steers with the text `the steer`; gives the steer's uuid. */
async function steerIntoBash(cli: CliProcess, command: string): Promise<string> {
  cli.prompt(`${bash(command)} [[say done]]`);
  await cli.waitFor({ type: 'assistant' });
  return cli.prompt('the steer', { priority: 'next' });
}

/** Kills a CLI while Bash runs, and starts another one on its conversation. */
async function resumeAfterKillInTool(box: Sandbox, cliSessionId: string): Promise<CliProcess> {
  const cli = box.start({ cliSessionId, ...BASH });
  const command = uniqueSleep();
  cli.prompt(`${bash(`echo ran >> count.txt; ${command}`)} [[say done]]`);
  await running(command);
  await kill(cli);
  return box.start({ cliSessionId, resume: true, ...BASH });
}

describe('§5 The transcript', () => {
  test('5.1 when init is on stdout the uuid is on disk, for the first prompt and for later ones', async () => {
    await using box = await createSandbox();
    for (const turnsBefore of [0, 1]) {
      const cliSessionId = crypto.randomUUID();
      const cli = box.start({ cliSessionId });
      for (let turn = 0; turn < turnsBefore; turn += 1) await cli.turn('[[say hello]]');
      const from = cli.lines.length;
      const uuid = cli.prompt('[[slow ms=60000]]', { priority: 'later' });
      await cli.waitFor({ subtype: 'init' }, { from });
      await kill(cli);
      expect(linesWith(await box.transcript(cliSessionId), uuid)).toContainEqual(
        expect.objectContaining({ type: 'user', uuid }),
      );
    }
  });

  test('5.2 when the model is called the uuid is on disk: a prompt whose uuid is absent was never sent to the model', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cli = box.start({ cliSessionId });
    const uuid = await promptThenSilence(box, cli);
    await kill(cli);
    const users = (await box.transcript(cliSessionId)).filter(({ type }) => type === 'user');
    expect(users.at(-1)).toMatchObject({ uuid, message: { content: '[[slow ms=60000]]' } });
  });

  test('5.3 a SIGKILL right behind the write leaves the uuid absent and the model uncalled, or present', async () => {
    await using box = await createSandbox();
    const outcomes: unknown[] = [];
    for (const point of ['written', 'state', 'init'] as const) {
      const cliSessionId = crypto.randomUUID();
      const cli = box.start({ cliSessionId });
      await cli.control({ subtype: 'get_binary_version' });
      const callsBefore = box.modelCalls.length;
      const uuid = cli.prompt('[[say hello]]', { priority: 'later' });
      if (point === 'state') await cli.waitFor({ subtype: 'session_state_changed' });
      if (point === 'init') await cli.waitFor({ subtype: 'init' });
      await kill(cli);
      const isPresent = linesWith(await box.transcript(cliSessionId), uuid).length > 0;
      outcomes.push({ point, safe: isPresent || box.modelCalls.length === callsBefore });
    }
    expect(outcomes).toEqual(['written', 'state', 'init'].map((point) => ({ point, safe: true })));
  });

  test('5.4 before the user line stand queue-operation lines with the text of the prompt and without its uuid', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cli = box.start({ cliSessionId });
    await cli.turn('[[say hello]]', { priority: 'later' });
    const [enqueue, dequeue, user] = await box.transcript(cliSessionId);
    expect([enqueue, dequeue, user]).toMatchObject([
      { type: 'queue-operation', operation: 'enqueue', content: '[[say hello]]' },
      { type: 'queue-operation', operation: 'dequeue' },
      { type: 'user', promptSource: 'sdk' },
    ]);
    expect(JSON.stringify([enqueue, dequeue])).not.toContain(String(user?.['uuid']));
  });

  test('5.5 beside the user line only the parentUuid of the line after it holds the uuid', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const uuid = crypto.randomUUID();
    const cli = box.start({ cliSessionId });
    await cli.turn('[[say hello]]', { uuid, priority: 'later' });
    const [user, ...others] = linesWith(await box.transcript(cliSessionId), uuid);
    expect(user).toMatchObject({ type: 'user', uuid });
    expect(others).toMatchObject([{ parentUuid: uuid }]);
  });

  test('5.6 a steer that waits has its text on disk and not its uuid', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cli = box.start({ cliSessionId, ...BASH });
    const uuid = await steerIntoBash(cli, 'sleep 60');
    await until(async () => linesWith(await box.transcript(cliSessionId), 'the steer').length > 0, {
      what: 'the text of the steer on disk',
    });
    await kill(cli);
    expect(linesWith(await box.transcript(cliSessionId), uuid)).toEqual([]);
  });

  test('5.7 an injected steer is a queued_command attachment whose source_uuid is its uuid', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cli = box.start({ cliSessionId, ...BASH });
    const uuid = await steerIntoBash(cli, 'sleep 1');
    await cli.waitFor({ type: 'result' });
    expect(linesWith(await box.transcript(cliSessionId), uuid)).toContainEqual(
      expect.objectContaining({
        type: 'attachment',
        attachment: expect.objectContaining({
          type: 'queued_command',
          source_uuid: uuid,
          prompt: 'the steer',
        }),
      }),
    );
  });

  test('5.8 the uuid of a withdrawn prompt is nowhere in the transcript', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cli = box.start({ cliSessionId, ...BASH });
    const uuid = await steerIntoBash(cli, 'sleep 1');
    const answer = await cli.control({ subtype: 'cancel_async_message', message_uuid: uuid });
    expect(answer).toMatchObject({ response: { cancelled: true } });
    await cli.waitFor({ type: 'result' });
    await cli.turn('[[say another]]');
    expect(linesWith(await box.transcript(cliSessionId), uuid)).toEqual([]);
  });

  test('5.9 with CLAUDE_CODE_EAGER_FLUSH a SIGKILL at the result loses nothing', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cli = box.start({ cliSessionId });
    cli.prompt('[[say the answer of the killed one]]');
    await cli.waitFor({ type: 'result' });
    await kill(cli);
    const transcript = await box.transcript(cliSessionId);
    expect(transcript.filter(({ type }) => type === 'assistant')).toHaveLength(1);
    const next = box.start({ cliSessionId, resume: true });
    await next.turn('[[say next]]');
    expect(wasSent(box.modelCalls.at(-1), 'the answer of the killed one')).toBe(true);
  });

  test('5.10 after a SIGKILL in a tool --resume runs nothing by itself, and never that call', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const next = await resumeAfterKillInTool(box, cliSessionId);
    await next.control({ subtype: 'initialize' });
    expect(kindsOf(next.lines)).not.toContain('system/init');
    expect(box.modelCalls).toHaveLength(1);
    expect((await next.turn('[[say hello]]')).at(-1)).toMatchObject({ result: 'hello' });
    expect(await readFile(join(box.cwd, 'count.txt'), 'utf8')).toBe('ran\n');
  });

  test('5.11 after a SIGKILL in a tool the model is not told of the call that has no result', async () => {
    await using box = await createSandbox();
    const next = await resumeAfterKillInTool(box, crypto.randomUUID());
    await next.turn('[[say hello]]');
    expect(wasSent(box.modelCalls.at(-1), 'tool_use')).toBe(false);
  });

  test('5.12 after a SIGKILL the uuid of a delivered prompt is swallowed, a fresh one runs', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cli = box.start({ cliSessionId });
    const uuid = await promptThenSilence(box, cli);
    await kill(cli);
    const next = box.start({ cliSessionId, resume: true });
    next.prompt('[[slow ms=60000]]', { uuid });
    const answer = await next.waitFor(({ subtype, isReplay }) => subtype === 'init' || isReplay === true);
    expect(answer).toMatchObject({ type: 'user', uuid });
    expect(box.modelCalls).toHaveLength(2);
    const lines = await next.turn('[[say hello]]');
    expect(lines.at(-1)).toMatchObject({ result: 'hello' });
    expect(kindsOf(next.lines).filter((kind) => kind.startsWith('result'))).toHaveLength(1);
    expect(box.modelCalls).toHaveLength(3);
  });

  test('5.13 a transcript without a user line can be neither resumed nor begun again under its id', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cli = box.start({ cliSessionId });
    await cli.turn('[[say hello]]');
    cli.endInput();
    await cli.exit();
    const path = box.transcriptPath(cliSessionId);
    const queueLines = (await readFile(path, 'utf8'))
      .split('\n')
      .slice(0, 2)
      .map((line) => `${line}\n`);
    for (const content of ['', queueLines.join('')]) {
      await writeFile(path, content);
      const resumed = box.start({ cliSessionId, resume: true });
      expect(await resumed.exit()).toMatchObject({ code: 1 });
      const begun = box.start({ cliSessionId });
      expect(await begun.exit()).toMatchObject({ code: 1 });
      expect(begun.stderr).toContain('already in use');
    }
  });

  test('5.14 a UserPromptSubmit hook runs before the uuid is on disk: it runs again with a prompt that is run again', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const command = `cat '${box.transcriptPath(cliSessionId)}' > seen.txt 2>/dev/null; exit 0`;
    const hooks = { UserPromptSubmit: [{ hooks: [{ type: 'command', command }] }] };
    const cli = box.start({ cliSessionId, args: ['--settings', JSON.stringify({ hooks })] });
    await cli.turn('[[say hello]]');
    const uuid = crypto.randomUUID();
    await cli.turn('[[say again]]', { uuid });
    const seen = await readFile(join(box.cwd, 'seen.txt'), 'utf8');
    expect(seen).toContain('[[say hello]]');
    expect(seen).not.toContain(uuid);
  });
});
