// What the CLI starts, and how all of it is ended. Facts of docs/CLI_FACTS.md §3.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { childrenOf, findMarked, planContainment } from '../../apps/worker/src/process/containment.ts';
import { createSandbox } from './support/sandbox.ts';
import { bash, gone, killedAtEnd, running, uniqueSleep } from './support/shell.ts';

const ALLOW_BASH = { settings: { allowedTools: ['Bash'] } };

/** The product's own command line for a PID namespace; fails where the kernel refuses one. */
async function namespacePrefix(): Promise<readonly string[]> {
  return (await planContainment('namespace', process.getuid?.() ?? 0)).prefix;
}

/** Four ways to leave the CLI's process tree, each with a sleep of its own, and one that stays. */
function escapes(): { readonly script: string; readonly commands: readonly string[] } {
  const [front, back, session, naked, both] = Array.from({ length: 5 }, uniqueSleep);
  const script =
    `(${back} &) ; (setsid ${session} &) ; (env -i /usr/bin/${naked} &) ; ` +
    `(env -i /usr/bin/setsid /usr/bin/${both} &) ; ${front}`;
  return { script, commands: [front, back, session, naked, both].map(String) };
}

describe('§3 Processes and containment', () => {
  test('3.1 each Bash call is a session and process group of its own, below the CLI', async () => {
    await using box = await createSandbox();
    const cli = box.start(ALLOW_BASH);
    cli.prompt(bash(`echo pid=$$ parent=$PPID; cat /proc/$$/stat`));
    const line = await cli.waitFor({ type: 'user', message: { content: [{ type: 'tool_result' }] } });
    const [, pid, parent] = /pid=(\d+) parent=(\d+)/u.exec(JSON.stringify(line)) ?? [];
    expect(parent).toBe(String(cli.pid));
    // The fields after the name: state, parent, group, session.
    expect(JSON.stringify(line)).toMatch(new RegExp(`\\) S ${parent} ${pid} ${pid} `, 'u'));
  });

  test('3.2 what Bash starts inherits the environment of the CLI: everything is found by a marker after a SIGKILL', async () => {
    await using box = await createSandbox();
    const cli = box.start(ALLOW_BASH);
    const [front, session] = [uniqueSleep(), uniqueSleep()];
    cli.prompt(bash(`(setsid ${session} &) ; ${front}`));
    const pids = (await Promise.all([running(front), running(session)])).flat();
    cli.signal('SIGKILL');
    await cli.exit();
    expect(await findMarked(cli.marker)).toEqual(expect.arrayContaining(pids));
  });

  test('3.3 in a PID namespace the SIGKILL of its outermost process ends everything, also after setsid and env -i', async () => {
    await using box = await createSandbox();
    const cli = box.start({ ...ALLOW_BASH, prefix: await namespacePrefix() });
    const { script, commands } = escapes();
    await using _killed = killedAtEnd(commands);
    cli.prompt(bash(script));
    await Promise.all(commands.map(running));
    cli.signal('SIGKILL');
    await Promise.all(commands.map(gone));
    expect(await cli.exit()).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('3.4 in a PID namespace the SIGKILL of the Node process above the CLI ends everything', async () => {
    await using box = await createSandbox();
    const { script, commands } = escapes();
    await using _killed = killedAtEnd(commands);
    const cliSessionId = crypto.randomUUID();
    const spec = box.spec({ ...ALLOW_BASH, cliSessionId, prefix: await namespacePrefix() });
    const parent = spawn(process.execPath, [fileURLToPath(new URL('support/parent.ts', import.meta.url))], {
      env: { PATH: process.env['PATH'], CLI_PARENT: JSON.stringify({ ...spec, prompt: bash(script) }) },
      stdio: 'ignore',
    });
    const ended = once(parent, 'exit');
    try {
      await Promise.all(commands.map(running));
      await running(cliSessionId);
    } finally {
      parent.kill('SIGKILL');
      await ended;
    }
    await Promise.all(commands.map(gone));
    await gone(cliSessionId);
    expect(await findMarked(spec.marker)).toEqual([]);
  });

  test('3.5 in a PID namespace turns, permission questions and interrupts work as outside of it', async () => {
    await using box = await createSandbox();
    const cli = box.start({ prefix: await namespacePrefix() });
    const command = uniqueSleep();
    cli.prompt(bash(`touch asked.txt && ${command}`));
    const asked = await cli.waitFor({ type: 'control_request', request: { subtype: 'can_use_tool' } });
    const { request } = asked as { request?: { input?: unknown } }; // matched just now
    cli.answer(asked, { behavior: 'allow', updatedInput: request?.input });
    const [pid = 0] = await running(command);
    expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^NSpid:\t\d+\t\d+$/mu);
    cli.requestControl({ subtype: 'interrupt' });
    expect(await cli.waitFor({ type: 'result' })).toMatchObject({ terminal_reason: 'aborted_tools' });
    await gone(command);
    expect((await cli.turn('[[say still here]]')).at(-1)).toMatchObject({ result: 'still here' });
  });

  test('3.6 in a PID namespace the CLI takes SIGINT and SIGTERM itself, and its exit code is passed on', async () => {
    await using box = await createSandbox();
    const prefix = await namespacePrefix();
    for (const [signal, code] of [
      ['SIGINT', 0],
      ['SIGTERM', 143],
    ] as const) {
      const cli = box.start({ prefix });
      await cli.turn('[[say hello]]');
      const [inner = 0] = await childrenOf(cli.pid);
      process.kill(inner, signal);
      expect(await cli.exit()).toEqual({ code, signal: null });
    }
  });
});
