// Leave to act over MCP: one HTTP server of the worker, on loopback, with one unguessable token for each session. A CLI
// calls the one tool and waits; the answer comes as a stream with progress, so that no time-out of the CLI comes first.
import { hash, randomBytes, randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  ListToolsRequestSchema,
  type CallToolResult,
} from '@modelcontextprotocol/sdk/types.js';
import type { Logger } from '@holdfast/shared/runtime';
import { createDeferred, type Deferred } from '@holdfast/shared/util';
import { z } from 'zod';
import { BRIDGE_SERVER, BRIDGE_TOOL } from './bridge-names.ts';
import type { Answer, ApprovalTransport, Ask } from './ask.ts';

/** The CLI gives a call up after 300 s without a word (2.1.197). */
const PROGRESS_MS = 10_000;

export interface BridgeHandlers {
  readonly onAsk: (ask: Ask) => void;
  /** The CLI does not wait for this ask any more. */
  readonly onWithdrawn: (askId: string) => void;
}

/** One session's way in: valid until closed. */
export interface BridgeSeat extends ApprovalTransport {
  readonly url: string;
  /** Sent as `Authorization: Bearer`. */
  readonly token: string;
  close(): void;
}

export interface McpBridge {
  open(handlers: BridgeHandlers): BridgeSeat;
  close(): Promise<void>;
}

const Asked = z.looseObject({
  tool_name: z.string(),
  input: z.record(z.string(), z.unknown()),
  tool_use_id: z.string().optional(),
});
const Rpc = z.looseObject({ method: z.string(), id: z.union([z.string(), z.number()]).optional() });

/** Starts the server; it must be up before any CLI is, since a CLI ends when it does not find it. */
export async function startMcpBridge(logger: Logger): Promise<McpBridge> {
  const seats = new Map<string, Seat>();
  const http = createServer((request, response) => {
    void admit(seats, request, response).catch((error: unknown) => {
      logger.warn({ err: error }, 'a request to the approval bridge failed');
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  // A person may take days.
  http.requestTimeout = 0;
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo; // a TCP server that listens has one
  return {
    open: (handlers) => {
      const token = randomBytes(32).toString('base64url');
      const key = keyOf(token);
      const seat = new Seat(handlers);
      seats.set(key, seat);
      return {
        url: `http://127.0.0.1:${port}/mcp`,
        token,
        answer: (askId, answer) => seat.answer(askId, answer),
        close: () => {
          seats.delete(key);
          seat.close();
        },
      };
    },
    close: async () => closeAll(http, seats),
  };
}

async function closeAll(http: HttpServer, seats: Map<string, Seat>): Promise<void> {
  for (const seat of seats.values()) seat.close();
  seats.clear();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
}

/** Tokens are looked up by their digest: how long that takes says nothing about how near a guess is. */
function keyOf(token: string): string {
  return hash('sha256', token);
}

async function admit(
  seats: ReadonlyMap<string, Seat>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const token = /^Bearer (.+)$/u.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const seat = seats.get(keyOf(token));
  if (seat === undefined) {
    response.writeHead(401).end();
    return;
  }
  await seat.serve(request, response);
}

/** What one session's CLIs have open, over all their connections. */
class Seat {
  readonly #on: BridgeHandlers;
  readonly #links = new Map<string, { server: Server; transport: StreamableHTTPServerTransport }>();
  readonly #waiting = new Map<string, Deferred<Answer>>();

  constructor(handlers: BridgeHandlers) {
    this.#on = handlers;
  }

  answer(askId: string, answer: Answer): void {
    this.#waiting.get(askId)?.resolve(answer);
    this.#waiting.delete(askId);
  }

  close(): void {
    for (const askId of this.#waiting.keys()) this.#withdraw(askId);
    for (const { server } of this.#links.values()) void server.close();
    this.#links.clear();
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const linkId = request.headers['mcp-session-id'];
    const link = typeof linkId === 'string' ? this.#links.get(linkId) : undefined;
    if (typeof linkId === 'string' && link === undefined) {
      response.writeHead(404).end();
      return;
    }
    const body: unknown = request.method === 'POST' ? await json(request) : undefined;
    const { transport } = link ?? (await this.#connect());
    const call = Rpc.safeParse(body).data;
    if (call?.method === 'tools/call' && call.id !== undefined && typeof linkId === 'string') {
      const askId = `${linkId}/${call.id}`;
      // A connection that is cut fails the call in the CLI, which does not ask again.
      response.on('close', () => this.#withdraw(askId));
    }
    await transport.handleRequest(request, response, body);
  }

  #withdraw(askId: string): void {
    const waiting = this.#waiting.get(askId);
    if (waiting === undefined) return;
    this.#waiting.delete(askId);
    this.#on.onWithdrawn(askId);
    waiting.resolve({ behavior: 'deny', message: 'This was withdrawn.' });
  }

  async #connect(): Promise<{ server: Server; transport: StreamableHTTPServerTransport }> {
    const server = new Server({ name: BRIDGE_SERVER, version: '1' }, { capabilities: { tools: {} } });
    const link = {
      server,
      transport: new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (linkId) => void this.#links.set(linkId, link),
        onsessionclosed: (linkId) => void this.#links.delete(linkId),
      }),
    };
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: [
        {
          name: BRIDGE_TOOL,
          description: 'Asks a person for leave to run a tool.',
          inputSchema: { type: 'object', additionalProperties: true },
        },
      ],
    }));
    server.setRequestHandler(CallToolRequestSchema, async (request, extra) => {
      const asked = Asked.parse(request.params.arguments);
      const askId = `${extra.sessionId ?? ''}/${extra.requestId}`;
      const progressToken = extra._meta?.progressToken;
      let progress = 0;
      const beat = setInterval(() => {
        progress += 1;
        if (progressToken === undefined) return;
        const params = { progressToken, progress, message: 'Waits for a person.' };
        void extra.sendNotification({ method: 'notifications/progress', params }).catch(() => {});
      }, PROGRESS_MS);
      extra.signal.addEventListener('abort', () => this.#withdraw(askId));
      try {
        return textOf(await this.#ask(askId, asked));
      } finally {
        clearInterval(beat);
      }
    });
    await server.connect(link.transport);
    return link;
  }

  async #ask(askId: string, asked: z.infer<typeof Asked>): Promise<Answer> {
    const waiting = createDeferred<Answer>();
    this.#waiting.set(askId, waiting);
    const { tool_name: tool, input, tool_use_id: toolCallId = null } = asked;
    this.#on.onAsk({ askId, tool, input, toolCallId, agentId: undefined, proposed: [], reason: undefined });
    return waiting.promise;
  }
}

/** The CLI takes exactly one text with JSON; anything else is a failed call. */
function textOf(answer: Answer): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(answer) }] };
}
