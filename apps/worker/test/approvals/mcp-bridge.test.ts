// The approval bridge as a CLI sees it: through the SDK's own client, over HTTP.
import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { createLogger } from '@holdfast/shared/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Ask } from '../../src/approvals/ask.ts';
import { startMcpBridge, type BridgeSeat, type McpBridge } from '../../src/approvals/mcp-bridge.ts';
import { until } from '../../../../test/support/until.ts';

let bridge: McpBridge;
beforeEach(async () => {
  bridge = await startMcpBridge(createLogger({ part: 'test', level: 'silent' }));
});
afterEach(async () => bridge.close());

interface Seated {
  readonly seat: BridgeSeat;
  readonly asks: Ask[];
  readonly withdrawn: string[];
}

function sit(): Seated {
  const asks: Ask[] = [];
  const withdrawn: string[] = [];
  const seat = bridge.open({
    onAsk: (ask) => void asks.push(ask),
    onWithdrawn: (askId) => void withdrawn.push(askId),
  });
  return { seat, asks, withdrawn };
}

async function clientOf({ url, token }: Pick<BridgeSeat, 'url' | 'token'>): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit });
  await client.connect(transport);
  return client;
}

const CALL = {
  name: 'approve',
  arguments: { tool_name: 'Bash', input: { command: 'touch a' }, tool_use_id: 'toolu_1' },
};

describe('the approval bridge [F-02]', () => {
  it('hands a call over and gives the answer back as one text of JSON', async () => {
    const { seat, asks } = sit();
    const client = await clientOf(seat);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['approve']);
    const result = client.callTool(CALL);
    const ask = await until(() => asks[0], { what: 'the ask' });
    expect(ask).toMatchObject({ tool: 'Bash', input: { command: 'touch a' }, toolCallId: 'toolu_1' });
    seat.answer(ask.askId, { behavior: 'deny', message: 'no' });
    expect(CallToolResultSchema.parse(await result).content).toEqual([
      { type: 'text', text: '{"behavior":"deny","message":"no"}' },
    ]);
    await client.close();
  });

  it('keeps sessions apart: each has a token of its own, which no other opens and which ends with it', async () => {
    const [one, other] = [sit(), sit()];
    expect(one.seat.token).not.toBe(other.seat.token);
    expect(one.seat.token.length).toBeGreaterThanOrEqual(43);
    const client = await clientOf(other.seat);
    const waiting = client.callTool(CALL);
    const ask = await until(() => other.asks[0], { what: 'the ask' });
    one.seat.answer(ask.askId, { behavior: 'allow', updatedInput: {} });
    expect(one.asks).toEqual([]);
    other.seat.answer(ask.askId, { behavior: 'deny', message: 'mine' });
    expect(JSON.stringify(await waiting)).toContain('mine');
    await client.close();
    for (const token of ['', 'guess', one.seat.token.slice(0, -1)]) {
      await expect(clientOf({ ...one.seat, token })).rejects.toMatchObject({ code: 401 });
    }
    one.seat.close();
    await expect(clientOf(one.seat)).rejects.toMatchObject({ code: 401 });
  });

  it('listens on loopback only', async () => {
    const { port } = new URL(sit().seat.url);
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((address) => address !== undefined && !address.internal && address.family === 'IPv4');
    const host = outside?.address ?? '127.0.0.2';
    const socket = connect(Number(port), host);
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('withdraws what is cancelled, and what a cut connection waited for', async () => {
    const { seat, asks, withdrawn } = sit();
    const client = await clientOf(seat);
    const stop = new AbortController();
    const cancelled = client.callTool(CALL, undefined, { signal: stop.signal }).catch(() => 'cancelled');
    await until(() => asks.length === 1, { what: 'the first ask' });
    stop.abort();
    expect(await cancelled).toBe('cancelled');
    await until(() => withdrawn.length === 1, { what: 'the first withdrawal' });
    const cut = client.callTool(CALL).catch(() => 'cut');
    await until(() => asks.length === 2, { what: 'the second ask' });
    await client.close();
    expect(await cut).toBe('cut');
    await until(() => withdrawn.length === 2, { what: 'the second withdrawal' });
    expect(withdrawn).toEqual(asks.map(({ askId }) => askId));
    // Nobody waits any more: an answer is passed over.
    for (const askId of withdrawn) seat.answer(askId, { behavior: 'allow', updatedInput: {} });
  });
});
