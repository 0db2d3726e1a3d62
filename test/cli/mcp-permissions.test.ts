// Permission questions through an MCP tool over HTTP. Facts of docs/CLI_FACTS.md §11.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { toolResults } from './support/asking.ts';
import { dig } from './support/lines.ts';
import { startPermissionServer, type McpCall, type PermissionServer } from './support/mcp-server.ts';
import { createSandbox, toolNames, type StartOptions } from './support/sandbox.ts';
import { bash } from './support/shell.ts';

const TOUCH = `${bash('touch asked.txt')} [[say done]]`;

function bridged(url: string, env: Readonly<Record<string, string>> = {}): StartOptions {
  const headers = { Authorization: 'Bearer ${BRIDGE_TOKEN}' };
  const mcpServers = { bridge: { type: 'http', url, headers } };
  return {
    allArgs: [
      ...['--print', '--verbose', '--input-format', 'stream-json', '--output-format', 'stream-json'],
      ...['--strict-mcp-config', '--mcp-config', JSON.stringify({ mcpServers })],
      ...['--permission-prompt-tool', 'mcp__bridge__permission_prompt'],
    ],
    env: { BRIDGE_TOKEN: 'the-token', ...env },
  };
}

const toolCalls = (server: PermissionServer): McpCall[] =>
  server.calls.filter(({ method }) => method === 'tools/call');

const allowed = ({ params }: McpCall): { readonly text: string } => ({
  text: JSON.stringify({ behavior: 'allow', updatedInput: dig(params, 'arguments', 'input') }),
});

describe('§11 Permission questions through an MCP tool', () => {
  test('11.1 the tool gets the name, input and call id of what is asked, with the configured headers; allow runs it', async () => {
    await using box = await createSandbox();
    await using server = await startPermissionServer(allowed);
    const cli = box.start(bridged(server.url));
    const lines = await cli.turn(TOUCH);
    expect(lines.at(-1)).toMatchObject({ result: 'done', permission_denials: [] });
    await access(join(box.cwd, 'asked.txt'));
    const [call, ...others] = toolCalls(server);
    expect(others).toEqual([]);
    expect(call?.params).toMatchObject({
      name: 'permission_prompt',
      arguments: {
        tool_name: 'Bash',
        input: { command: 'touch asked.txt' },
        tool_use_id: expect.any(String),
      },
      _meta: { progressToken: expect.anything() },
    });
    expect(call?.headers).toMatchObject({ authorization: 'Bearer the-token' });
    expect(toolNames(box.modelCalls[0])).not.toContain('mcp__bridge__permission_prompt');
  });

  test('11.2 an answer as SSE behind a progress notification counts like a plain one', async () => {
    await using box = await createSandbox();
    await using server = await startPermissionServer((call) => ({ ...allowed(call), progress: true }));
    const lines = await box.start(bridged(server.url)).turn(TOUCH);
    expect(toolResults(lines)).toMatchObject([{ isError: false }]);
    await access(join(box.cwd, 'asked.txt'));
  });

  test('11.3 the message of a denial reaches the model', async () => {
    await using box = await createSandbox();
    const text = JSON.stringify({ behavior: 'deny', message: 'not on a Sunday' });
    await using server = await startPermissionServer(() => ({ text }));
    const lines = await box.start(bridged(server.url)).turn(TOUCH);
    expect(toolResults(lines)).toEqual([{ text: 'not on a Sunday', isError: true }]);
  });

  test('11.4 an answer that is no decision is a failed tool call: the tool does not run, the turn goes on', async () => {
    await using box = await createSandbox();
    await using server = await startPermissionServer(() => ({ text: 'yes, why not' }));
    const lines = await box.start(bridged(server.url)).turn(TOUCH);
    expect(toolResults(lines)).toMatchObject([{ isError: true }]);
    expect(lines.at(-1)).toMatchObject({ result: 'done' });
    await expect(access(join(box.cwd, 'asked.txt'))).rejects.toThrow('ENOENT');
  });

  test('11.5 an interrupt sends notifications/cancelled for the open question and ends the turn', async () => {
    await using box = await createSandbox();
    await using server = await startPermissionServer(() => undefined);
    const cli = box.start(bridged(server.url));
    cli.prompt(TOUCH);
    const call = await until(() => toolCalls(server)[0], { what: 'the question', limitMs: 30_000 });
    cli.requestControl({ subtype: 'interrupt' });
    expect(await cli.waitFor({ type: 'result' })).toMatchObject({ terminal_reason: 'aborted_tools' });
    const cancelled = await until(
      () => server.calls.find(({ method }) => method === 'notifications/cancelled'),
      { what: 'the withdrawal' },
    );
    expect(cancelled.params).toMatchObject({ requestId: call.id });
  });

  test('11.6 MCP_TOOL_TIMEOUT bounds a question; a question that times out is a failed tool call', async () => {
    await using box = await createSandbox();
    await using server = await startPermissionServer(() => undefined);
    const cli = box.start(bridged(server.url, { MCP_TOOL_TIMEOUT: '1000' }));
    const lines = await cli.turn(TOUCH);
    expect(toolResults(lines)).toMatchObject([{ isError: true, text: expect.stringContaining('timed out') }]);
    expect(toolCalls(server)).toHaveLength(1);
  });

  test('11.7 without the server the CLI starts, and ends with exit code 1 at its first question', async () => {
    await using box = await createSandbox();
    const cli = box.start(bridged('http://127.0.0.1:9/mcp'));
    expect((await cli.turn('[[say hello]]')).at(-1)).toMatchObject({ result: 'hello' });
    const init = cli.lines.find(({ subtype }) => subtype === 'init');
    expect(init).toMatchObject({ mcp_servers: [{ name: 'bridge', status: 'failed' }] });
    cli.prompt(TOUCH);
    expect(await cli.exit()).toEqual({ code: 1, signal: null });
  });
});
