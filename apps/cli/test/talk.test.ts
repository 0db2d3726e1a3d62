// new, send and attach, end to end in this process, against a gateway that does what it is told.
import { contentText, mintTurnId, type TurnId } from '@holdfast/shared/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogWriter } from '../../../packages/client/test/support/events.ts';
import { FakeGateway } from '../../../packages/client/test/support/fake-gateway.ts';
import { sessionIdOf } from '../../../packages/client/test/support/fake-log.ts';
import { until } from '../../../test/support/until.ts';
import { environmentOf, run, RunningCli } from './support.ts';

let gateway: FakeGateway;
beforeEach(async () => {
  gateway = await new FakeGateway().start();
});
afterEach(async () => gateway.stop());

const sid = sessionIdOf(0);

/** Lets every prompt be answered: `answer` appends what it likes to the log. */
function answering(
  answer: (log: LogWriter, turn: { readonly promptId: string; readonly turnId: TurnId }) => void,
): void {
  const log = new LogWriter();
  gateway.onPrompt = ({ sessionId, promptId, content }) => {
    const turnId = mintTurnId();
    const text = contentText(content);
    const before = log.events.length;
    if (log.offset === 0) log.created(sessionId);
    log.queued(promptId, text);
    log.started(promptId, text, turnId);
    answer(log, { promptId, turnId });
    for (const event of log.events.slice(before)) gateway.append(sessionId, event);
  };
}

const plainAnswer = (log: LogWriter, { turnId }: { readonly turnId: TurnId }): void => {
  for (const word of ['Hello', ' there', '!']) log.delta(turnId, word);
  log.completed(turnId, 'Hello there!');
  log.ended(turnId);
};

describe('holdfast new', () => {
  it('prints the id of the session it made [J-04]', async () => {
    const { exitCode, out } = await run(
      gateway,
      'new',
      '--title',
      'T',
      '--cwd',
      'work',
      '--allow',
      'Read',
      '--allow',
      'Bash(ls)',
    );
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: `${sid}\n` });
    expect(gateway.createBodies).toMatchObject([
      { title: 'T', cwd: '/work', settings: { allowedTools: ['Read', 'Bash(ls)'] } },
    ]);
  });

  it('streams the answer to stdout, and names the session on stderr', async () => {
    answering((log, turn) => {
      log.add({
        type: 'tool_call_started',
        turnId: turn.turnId,
        messageId: 'm0',
        block: 0,
        toolCallId: 't1',
        name: 'Bash',
        input: { command: 'ls -la' },
      });
      plainAnswer(log, turn);
    });
    const { exitCode, out, err } = await run(gateway, 'new', '--prompt', 'hi');
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: 'Hello there!\n' });
    expect(err.trim().split('\n')).toEqual(['[Bash] ls -la', `session ${sid}`]);
  });

  it('refuses a permission mode that does not exist, as a wrong command line', async () => {
    const { exitCode, err } = await run(gateway, 'new', '--permission-mode', 'bypass');
    expect(exitCode).toBe(2);
    expect(err).toContain('default, acceptEdits, plan');
    expect(gateway.createBodies).toEqual([]);
  });
});

describe('holdfast send', () => {
  beforeEach(() => gateway.addLog(sid));

  it('reads the prompt from stdin when told so', async () => {
    answering(plainAnswer);
    const cli = new RunningCli(['send', sid, '-'], { env: environmentOf(gateway), stdin: 'from stdin\n' });
    expect((await cli.done).out).toBe('Hello there!\n');
    expect(gateway.framesOf('prompt')[0]?.content).toEqual([{ type: 'text', text: 'from stdin' }]);
  });

  it('prints the answer once and whole although the connection is cut in the middle of it [J-04]', async () => {
    let log = new LogWriter();
    let turnId = mintTurnId();
    answering((writer, turn) => {
      log = writer;
      ({ turnId } = turn);
      writer.delta(turnId, 'one ');
    });
    const cli = new RunningCli(['send', sid, 'count'], { env: environmentOf(gateway) });
    await until(() => cli.out === 'one ', { what: 'the first delta' });
    gateway.cutAll();
    gateway.append(sid, log.delta(turnId, 'two '), log.delta(turnId, 'three'));
    await until(() => gateway.open.some((peer) => peer.attached.has(sid)), { what: 'attached again' });
    gateway.append(sid, log.completed(turnId, 'one two three'), log.ended(turnId));
    const { exitCode, out, err } = await cli.done;
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: 'one two three\n' });
    expect(err.split('\n')).toEqual(['reconnecting', 'connected again', `session ${sid}`, '']);
  });

  it('ends with 1 and the reason when the turn fails', async () => {
    answering((log, { turnId }) => {
      const usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };
      const error = { code: 'authentication_failed', message: 'The credentials were refused.' };
      const times = { durationMs: 1200, apiDurationMs: 1, costUsd: 0 };
      log.add({ type: 'turn_ended', turnId, stopReason: 'failed', error, ...times, usage });
    });
    const { exitCode, out, err } = await run(gateway, 'send', sid, 'x');
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
    expect(err).toContain('-- failed (1.2 s): The credentials were refused.\n');
  });

  it('aborts its turn at the first Ctrl-C and ends with 130 [J-04]', async () => {
    let endTurn = (): void => undefined;
    answering((log, { turnId }) => {
      log.delta(turnId, 'working');
      endTurn = () => {
        const usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };
        const times = { durationMs: 1, apiDurationMs: 1, costUsd: 0 };
        gateway.append(
          sid,
          log.add({ type: 'turn_ended', turnId, stopReason: 'aborted', error: null, ...times, usage }),
        );
      };
    });
    const cli = new RunningCli(['send', sid, 'x'], { env: environmentOf(gateway) });
    await until(() => cli.out === 'working', { what: 'the answer' });
    cli.interrupt();
    await until(() => gateway.framesOf('abort').length === 1, { what: 'the abort' });
    endTurn();
    const { exitCode, out } = await cli.done;
    expect({ exitCode, out }).toEqual({ exitCode: 130, out: 'working\n' });
    expect(gateway.framesOf('abort')[0]?.turnId).toBe(gateway.view(sid).messages[0]?.turnId);
  });

  it('leaves the turn running at the second Ctrl-C', async () => {
    answering((log, { turnId }) => log.delta(turnId, 'working'));
    const cli = new RunningCli(['send', sid, 'x'], { env: environmentOf(gateway) });
    await until(() => cli.out === 'working', { what: 'the answer' });
    cli.interrupt();
    cli.interrupt();
    expect((await cli.done).exitCode).toBe(130);
  });

  it('says that the prompt waits, and ends with 130 when it is cancelled', async () => {
    const log = new LogWriter();
    log.created(sid);
    log.started('other', 'long work');
    gateway.append(sid, ...log.events);
    gateway.onPrompt = ({ promptId }) => gateway.append(sid, log.queued(promptId, 'later'));
    const cli = new RunningCli(['send', sid, 'later'], { env: environmentOf(gateway) });
    await until(() => cli.err.includes('waiting: 1 before this prompt'), { what: 'the note' });
    cli.interrupt();
    expect(cli.err).toContain('press Ctrl-C again to leave it in the queue');
    const [queued] = gateway.view(sid).queue;
    if (queued === undefined) throw new Error('the prompt is not queued');
    gateway.append(sid, log.add({ type: 'prompt_cancelled', promptId: queued.promptId, by: queued.by }));
    expect((await cli.done).exitCode).toBe(130);
  });

  it('prints events one per line and the result last, with --json', async () => {
    answering(plainAnswer);
    const { out, err } = await run(gateway, 'send', sid, 'x', '--json');
    const lines = out
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines.map((line) => (line as { type: string }).type)).toEqual([
      'turn_started',
      'message_delta',
      'message_delta',
      'message_delta',
      'message_completed',
      'turn_ended',
      'result',
    ]);
    expect(lines.at(-1)).toMatchObject({
      sessionId: sid,
      outcome: { kind: 'ended', stopReason: 'end_turn' },
    });
    expect(err).toBe('');
  });

  it('does not print the answers that were there before', async () => {
    const log = new LogWriter();
    log.created(sid);
    log.turn({ promptId: 'old', text: 'q', answer: 'old answer' });
    gateway.append(sid, ...log.events);
    gateway.onPrompt = ({ promptId }) => {
      const turnId = mintTurnId();
      gateway.append(sid, log.queued(promptId, 'q'), log.started(promptId, 'q', turnId));
      gateway.append(sid, log.completed(turnId, 'new answer', 'm9'), log.ended(turnId));
    };
    expect((await run(gateway, 'send', sid, 'q')).out).toBe('new answer\n');
  });

  it.each([
    ['send', sid, ' '],
    ['send', sid, '-'],
  ])('refuses a prompt without text: %s %s "%s"', async (...args) => {
    const { exitCode, err } = await run(gateway, ...args);
    expect(exitCode).toBe(1);
    expect(err).toContain('The prompt has no text');
  });
});

describe('holdfast attach', () => {
  function twoTurns(): LogWriter {
    const log = new LogWriter();
    log.created(sid);
    log.turn({ promptId: 'p1', text: 'first', answer: 'one' });
    log.turn({ promptId: 'p2', text: 'second', answer: 'two' });
    gateway.addLog(sid, log.events);
    return log;
  }

  it('prints what was and ends, with --no-follow [J-04]', async () => {
    twoTurns();
    const { exitCode, out } = await run(gateway, 'attach', sid, '--no-follow');
    expect(exitCode).toBe(0);
    expect(out.split('\n')).toEqual(['> first', 'one', '-- end_turn', '> second', 'two', '-- end_turn', '']);
  });

  it('replays the events from the start', async () => {
    const log = twoTurns();
    const { out } = await run(gateway, 'attach', sid, '--from', 'start', '--no-follow', '--json');
    const lines = out
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines).toEqual([
      ...log.events.map((event) => ({ ...event, epoch: 'e1' })),
      { type: 'caughtUp', position: gateway.head(sid) },
    ]);
  });

  it('goes on after the gateway was restarted, with every event once [J-04]', async () => {
    const log = twoTurns();
    const cli = new RunningCli(['attach', sid, '--from', `e1:${log.offset}`, '--json'], {
      env: environmentOf(gateway),
    });
    await until(() => cli.out.includes('caughtUp'), { what: 'caught up' });
    await gateway.stop();
    await until(() => cli.err.includes('reconnecting\n'), { what: 'the note' });
    const missed = log.queued('p3', 'while it was down');
    gateway.logs.get(sid)?.events.push(missed);
    await gateway.start();
    await until(() => cli.err.includes('connected again\n'), { what: 'connected', limitMs: 10_000 });
    await until(() => cli.out.split('caughtUp').length === 3, { what: 'caught up again' });
    cli.interrupt();
    const { exitCode, out } = await cli.done;
    const events = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; offset?: number });
    expect(exitCode).toBe(130);
    expect(events.filter((event) => event.offset !== undefined).map((event) => event.offset)).toEqual([
      missed.offset,
    ]);
  });

  it('refuses a place that is none', async () => {
    twoTurns();
    const { exitCode, err } = await run(gateway, 'attach', sid, '--from', 'yesterday');
    expect(exitCode).toBe(1);
    expect(err).toContain('"yesterday" is no position');
  });
});
