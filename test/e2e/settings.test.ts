// Settings of a session at its start and in mid-session, as the real CLI takes them.
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@holdfast/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../support/processes.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from './support/system.ts';

const MCP_SERVER = fileURLToPath(new URL('./support/mcp-server.mjs', import.meta.url));
const mcpServer = (text: string) => ({ command: process.execPath, args: [MCP_SERVER, text] });

let system: System;
let worker: Service;
let client: Client;
let seedDir: string;

beforeAll(async () => {
  seedDir = await mkdtemp(join(tmpdir(), 'holdfast-seed-'));
  const servers = { mcpServers: { users: mcpServer("the user's server") } };
  await writeFile(join(seedDir, '.claude.json'), JSON.stringify(servers));
  system = await startSystem();
  worker = await system.startWorker({ HOLDFAST_CLAUDE_CONFIG_DIR: seedDir });
  client = clientOf(system.gateway);
});
afterAll(async () => {
  client.close();
  await worker[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
  await rm(seedDir, { recursive: true });
});

const bash = (command: string): string => `[[tool Bash ${JSON.stringify({ command })}]]`;
const call = (tool: string): string => `[[tool ${tool} {}]]`;

/** A new folder that sessions may work in. */
async function makeFolder(): Promise<string> {
  return realpath(await mkdtemp(join(system.gateway.workspaces, 'w-')));
}

/** Output and failure of the tool calls, in order. */
const outputs = (one: Follower): [string, boolean][] =>
  one.all('tool_call_completed').map(({ output, isError }) => [output, isError]);

describe('settings in mid-session [A-13]', () => {
  it('model and mode change without a new process, also while it lives', async () => {
    const one = await newSession(client, { settings: { model: 'claude-opus-4-8' } });
    await one.turn('[[say first]]');
    const { pid } = one;
    await one.session.set({ model: 'claude-sonnet-4-5', permissionMode: 'acceptEdits' });
    await one.one('settings_changed');
    await one.turn(`${bash('touch free.txt')} [[say done]]`);
    expect(one.all('settings_changed')).toMatchObject([
      { settings: { model: 'claude-sonnet-4-5', permissionMode: 'acceptEdits' }, by: 'local' },
    ]);
    expect(outputs(one)).toMatchObject([[expect.any(String), false]]);
    expect(one.all('approval_requested')).toEqual([]);
    expect([one.pid, one.all('child_started').length]).toEqual([pid, 1]);
    const asked = await (await fetch(`${system.demoModel.url}/demo/requests`)).text();
    expect(asked).toContain('claude-sonnet-4-5');
    await one.session.set({ permissionMode: 'plan' });
    await one.until(() => one.all('settings_changed')[1], { what: 'the second change' });
    await one.turn(`${bash('touch planned.txt')} [[say done]]`);
    expect(outputs(one)[1]?.[1]).toBe(true);
    expect(one.pid).toBe(pid);
  });

  it('rules and directories change by a new process between turns; the conversation and the rules of the session stay [A-03]', async () => {
    const [first, second] = [await makeFolder(), await makeFolder()];
    await writeFile(join(first, 'a.txt'), 'from the first');
    await writeFile(join(second, 'b.txt'), 'from the second');
    const one = await newSession(client, { settings: { additionalDirectories: [first] } });
    const read = (path: string): string => `[[tool Read ${JSON.stringify({ file_path: path })}]]`;
    await one.turn(`${read(join(first, 'a.txt'))} [[say remember me]]`);
    const { pid } = one;
    await one.session.prompt(`${bash('mkdir one')} [[say made]]`);
    const { approvalId } = await one.one('approval_requested');
    await one.session.decide(approvalId, { kind: 'allow', scope: 'session', rules: ['Bash(mkdir *)'] });
    await one.until(() => one.all('turn_ended')[1], { what: 'the end of the second turn' });
    await one.session.set({ additionalDirectories: [second, first], disallowedTools: ['Bash(ls *)'] });
    await one.until(() => one.all('child_started')[1], { what: 'the new process' });
    expect(one.all('child_exited')).toMatchObject([{ expected: true, cause: 'settings_changed' }]);
    expect(one.all('child_started')[1]).toMatchObject({ resumed: true });
    expect(one.pid).not.toBe(pid);
    await one.turn(`${read(join(second, 'b.txt'))} ${bash('mkdir two')} ${bash('ls *')} [[say done]]`);
    expect(outputs(one)).toEqual([
      [expect.stringContaining('from the first'), false],
      [expect.any(String), false],
      [expect.stringContaining('from the second'), false],
      [expect.any(String), false],
      [expect.any(String), true],
    ]);
    expect(one.all('approval_requested')).toHaveLength(1);
  });

  it('that are nonsense are refused with what is wrong, and change nothing', async () => {
    const one = await newSession(client);
    const bad: object[] = [
      { permissionMode: 'nonsense' },
      { model: 'no such model' },
      { allowedTools: ['('] },
      {},
    ];
    for (const changes of bad) {
      await expect(one.session.set(changes)).rejects.toMatchObject({ code: 'bad_request' });
      await expect(client.http.set(one.session.sessionId, changes)).rejects.toMatchObject({
        code: 'bad_request',
      });
    }
    const outside = { additionalDirectories: ['/etc'] };
    await expect(one.session.set(outside)).rejects.toMatchObject({ code: 'cwd_not_allowed' });
    const missing = { additionalDirectories: [join(system.gateway.workspaces, 'missing')] };
    await expect(one.session.set(missing)).rejects.toMatchObject({ code: 'cwd_missing' });
    await expect(client.create({ settings: outside })).rejects.toMatchObject({ code: 'cwd_not_allowed' });
    await one.turn('[[say still fine]]');
    expect(one.all('settings_changed')).toEqual([]);
  });
});

describe('MCP servers and trust [A-03]', () => {
  it("those of the user and the session's own reach the CLI", async () => {
    const one = await newSession(client, {
      settings: {
        mcpServers: { own: mcpServer("the session's server") },
        allowedTools: ['mcp__users__ping', 'mcp__own__ping'],
      },
    });
    await one.turn(`${call('mcp__users__ping')} ${call('mcp__own__ping')} [[say done]]`);
    expect(outputs(one)).toEqual([
      ["the user's server", false],
      ["the session's server", false],
    ]);
  });

  it('a new workspace asks its owner, names what is ignored, and uses it once it is trusted, later sessions too', async () => {
    const cwd = await makeFolder();
    await mkdir(join(cwd, '.claude'));
    const rules = { permissions: { allow: ['Bash(python3 *)', 'mcp__projects__ping'] } };
    await writeFile(join(cwd, '.claude/settings.json'), JSON.stringify(rules));
    const servers = { mcpServers: { projects: mcpServer("the project's server") } };
    await writeFile(join(cwd, '.mcp.json'), JSON.stringify(servers));
    const one = await newSession(client, { cwd });
    await one.one('child_started');
    const asked = await one.one('notice', { kind: 'trust' });
    expect(asked.data).toEqual({
      cwd,
      ignored: [
        { kind: 'rule', name: 'Bash(python3 *)', file: '.claude/settings.json' },
        { kind: 'rule', name: 'mcp__projects__ping', file: '.claude/settings.json' },
        { kind: 'mcp_server', name: 'projects', file: '.mcp.json' },
      ],
    });
    await one.session.set({ trusted: true });
    await one.until(() => one.all('child_started')[1], { what: 'the new process' });
    const prompt = `${bash('python3 -c 1')} ${call('mcp__projects__ping')} [[say done]]`;
    await one.turn(prompt);
    expect(outputs(one)).toEqual([
      [expect.any(String), false],
      ["the project's server", false],
    ]);
    const later = await newSession(client, { cwd });
    await later.turn(prompt);
    expect(outputs(later).map(([, isError]) => isError)).toEqual([false, false]);
    expect(later.all('notice').filter(({ kind }) => kind === 'trust')).toEqual([]);
  });
});
