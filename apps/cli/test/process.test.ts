// The program as a process: streams, signals, exit codes.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { mintTurnId } from '@holdfast/shared/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogWriter } from '../../../packages/client/test/support/events.ts';
import { FakeGateway } from '../../../packages/client/test/support/fake-gateway.ts';
import { sessionIdOf } from '../../../packages/client/test/support/fake-log.ts';
import { until } from '../../../test/support/until.ts';
import { environmentOf } from './support.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const sid = sessionIdOf(0);

let gateway: FakeGateway;
type Child = ChildProcessByStdio<null, Readable, Readable>;
let children: Child[];
beforeEach(async () => {
  gateway = await new FakeGateway().start();
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await gateway.stop();
});

function start(...args: readonly string[]): Child {
  const env = { PATH: process.env['PATH'], ...environmentOf(gateway), FORCE_COLOR: '1' };
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return child;
}

describe('holdfast as a process', () => {
  it('ends quietly when the reader of its output has enough', async () => {
    const log = new LogWriter();
    log.created(sid);
    for (let n = 0; n < 3_000; n += 1) log.turn({ promptId: `p${n}`, text: 'q', answer: 'x'.repeat(200) });
    gateway.addLog(sid, log.events);
    const child = start('attach', sid, '--from', 'start', '--json');
    const err = text(child.stderr);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [exitCode, signal] = await once(child, 'close');
    expect({ exitCode, signal, err: await err }).toEqual({ exitCode: 0, signal: null, err: '' });
  });

  it('aborts its turn at Ctrl-C, prints no colours into a pipe, and leaves with 130 [J-04]', async () => {
    const log = new LogWriter();
    gateway.addLog(sid);
    gateway.onPrompt = ({ promptId }) => {
      gateway.append(sid, log.created(sid), log.queued(promptId, 'x'), log.started(promptId, 'x', turnId));
      gateway.append(sid, log.delta(turnId, 'working'));
    };
    const turnId = mintTurnId();
    const child = start('send', sid, 'x');
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => (out += String(chunk)));
    child.stderr.on('data', (chunk) => (err += String(chunk)));
    await until(() => out === 'working', { what: 'the answer' });
    child.kill('SIGINT');
    await until(() => gateway.framesOf('abort').length === 1, { what: 'the abort' });
    const usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };
    const times = { durationMs: 1, apiDurationMs: 1, costUsd: 0 };
    gateway.append(
      sid,
      log.add({ type: 'turn_ended', turnId, stopReason: 'aborted', error: null, ...times, usage }),
    );
    const [exitCode] = await once(child, 'close');
    expect({ exitCode, out }).toEqual({ exitCode: 130, out: 'working\n' });
    expect(err).toBe(
      `Aborting the turn; press Ctrl-C again to leave it running\nThe turn was aborted\nsession ${sid}\n`,
    );
  });

  it('leaves with 2 for a wrong command line, and says where help is', async () => {
    const child = start('sned');
    const err = await text(child.stderr);
    expect(err).toContain('Did you mean send?');
    expect(child.exitCode ?? (await once(child, 'close'))[0]).toBe(2);
  });
});
