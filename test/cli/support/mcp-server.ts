// The smallest MCP server over Streamable HTTP with one tool, `permission_prompt`, for the CLI to ask.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { z } from 'zod';
import type { Line } from './lines.ts';

const Rpc = z.looseObject({
  method: z.string(),
  id: z.unknown().optional(),
  params: z.looseObject({}).optional(),
});
type Rpc = z.infer<typeof Rpc>;

export interface McpCall {
  readonly method: string;
  readonly id: unknown;
  readonly params: Line;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface PermissionServer extends AsyncDisposable {
  readonly url: string;
  /** Every request so far, notifications included. */
  readonly calls: readonly McpCall[];
}

/** The text of the tool's answer; undefined: never answers. With `progress` it is sent as SSE behind a progress note. */
export type Decide = (call: McpCall) => { readonly text: string; readonly progress?: boolean } | undefined;

export async function startPermissionServer(decide: Decide): Promise<PermissionServer> {
  const calls: McpCall[] = [];
  const server = createServer((request, response) => {
    void respond({ request, response }, { calls, decide });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server that listens has one
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    calls,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function respond(
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  { calls, decide }: { readonly calls: McpCall[]; readonly decide: Decide },
): Promise<void> {
  if (request.method !== 'POST') {
    response.writeHead(405).end();
    return;
  }
  const rpc = Rpc.parse(await json(request));
  const call = { method: rpc.method, id: rpc.id, params: rpc.params ?? {}, headers: request.headers };
  calls.push(call);
  if (rpc.id === undefined) response.writeHead(202).end();
  else if (rpc.method !== 'tools/call') sendJson(response, rpc, handshake(rpc));
  else {
    const decision = decide(call);
    if (decision !== undefined) answerCall(response, rpc, decision);
  }
}

function answerCall(response: ServerResponse, rpc: Rpc, decision: NonNullable<ReturnType<Decide>>): void {
  const result = { content: [{ type: 'text', text: decision.text }] };
  if (decision.progress !== true) {
    sendJson(response, rpc, result);
    return;
  }
  const { progressToken } = z.looseObject({ progressToken: z.unknown() }).parse(rpc.params?.['_meta']);
  const progress = { method: 'notifications/progress', params: { progressToken, progress: 1 } };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const message of [progress, { id: rpc.id, result }]) {
    response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
  }
  response.end();
}

function handshake(rpc: Rpc): Line {
  if (rpc.method === 'tools/list') {
    const inputSchema = { type: 'object', additionalProperties: true };
    return { tools: [{ name: 'permission_prompt', description: 'Asks a person', inputSchema }] };
  }
  return {
    protocolVersion: rpc.params?.['protocolVersion'],
    capabilities: { tools: {} },
    serverInfo: { name: 'test', version: '1' },
  };
}

function sendJson(response: ServerResponse, rpc: Rpc, result: Line): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: rpc.id, result }));
}
