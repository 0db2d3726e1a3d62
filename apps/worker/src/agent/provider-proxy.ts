// Keeps the key of the model's provider with the worker: children talk to this proxy on loopback with a key of their
// own, which is worth nothing anywhere else and ends with the child.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  Agent as HttpAgent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
  type ServerResponse,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import type { Logger } from '@holdfast/shared/runtime';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a child is given in place of the provider's key. */
export interface ProviderSeat {
  readonly url: string;
  readonly key: string;
  /** The key is worth nothing from now on, and calls under way end. */
  close(): void;
}

export interface ProviderProxy {
  seat(): ProviderSeat;
  close(): Promise<void>;
}

const DEFAULT_BASE_URL = 'https://api.anthropic.com';

/** How calls are signed; null for credentials that the CLI uses itself: OAuth logins, Bedrock, Vertex. */
export function providerHeaders(env: Environment): OutgoingHttpHeaders | null {
  const own = ['CLAUDE_CODE_USE_BEDROCK', 'CLAUDE_CODE_USE_VERTEX', 'CLAUDE_CODE_OAUTH_TOKEN'];
  if (own.some((name) => (env[name] ?? '') !== '')) return null;
  const { ANTHROPIC_API_KEY: key = '', ANTHROPIC_AUTH_TOKEN: token = '' } = env;
  if (token !== '') return { authorization: `Bearer ${token}`, ...customHeaders(env) };
  return key === '' ? null : { 'x-api-key': key, ...customHeaders(env) };
}

/** `Name: value`, one a line: operators put secrets of their gateways there. */
function customHeaders({ ANTHROPIC_CUSTOM_HEADERS: lines = '' }: Environment): OutgoingHttpHeaders {
  return Object.fromEntries(
    lines.split('\n').flatMap((line) => {
      const [, name, value] = /^\s*([\w-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name.toLowerCase(), value]];
    }),
  );
}

/** Starts the proxy, or gives null where the credential can't be kept from the CLI. */
export async function startProviderProxy(env: Environment, logger: Logger): Promise<ProviderProxy | null> {
  const signed = providerHeaders(env);
  if (signed === null) return null;
  const base = new URL(env['ANTHROPIC_BASE_URL'] ?? DEFAULT_BASE_URL);
  const upstream = upstreamOf(base);
  const seats = new Map<string, Set<IncomingMessage>>();
  const server = createServer((request, response) => {
    // The CLI asks this before anything else, and without a key.
    if (request.method === 'HEAD') return void response.writeHead(200).end();
    const calls = seats.get(keyOf(request));
    if (calls === undefined) return refuse(response, 401, 'This key is not valid (any more).');
    calls.add(request);
    response.once('close', () => calls.delete(request));
    forward({ request, response, signed, upstream, logger });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo; // listens on TCP
  return {
    seat: () => {
      const key = `hfs_${randomBytes(32).toString('base64url')}`;
      const calls = new Set<IncomingMessage>();
      seats.set(key, calls);
      return {
        url: `http://127.0.0.1:${port}`,
        key,
        close: () => {
          seats.delete(key);
          for (const request of calls) request.socket.destroy();
        },
      };
    },
    close: async () => {
      seats.clear();
      server.closeAllConnections();
      server.close();
      upstream.close();
    },
  };
}

interface Upstream {
  readonly basePath: string;
  open(options: RequestOptions): ReturnType<typeof httpRequest>;
  close(): void;
}

function upstreamOf(base: URL): Upstream {
  const isTls = base.protocol === 'https:';
  // A proxy on the way to the provider is the worker's business too.
  const settings = { keepAlive: true, proxyEnv: process.env };
  const agent = isTls ? new HttpsAgent(settings) : new HttpAgent(settings);
  const send = isTls ? httpsRequest : httpRequest;
  const port = base.port === '' ? {} : { port: base.port };
  return {
    basePath: base.pathname.replace(/\/+$/, ''),
    open: (options) => send({ ...options, ...port, hostname: base.hostname, agent }),
    close: () => agent.destroy(),
  };
}

function keyOf({ headers }: IncomingMessage): string {
  const given = headers['x-api-key'];
  if (typeof given === 'string') return given;
  return /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}

/** Headers of one connection alone, and those that carry the child's key. */
const NOT_PASSED = [
  'host',
  'connection',
  'keep-alive',
  'upgrade',
  'proxy-authorization',
  'x-api-key',
  'authorization',
];

function forward(call: {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly signed: OutgoingHttpHeaders;
  readonly upstream: Upstream;
  readonly logger: Logger;
}): void {
  const { request, response, signed, upstream, logger } = call;
  const kept = Object.entries(request.headers).filter(([name]) => !NOT_PASSED.includes(name));
  const sent = upstream.open({
    method: request.method,
    path: `${upstream.basePath}${request.url ?? '/'}`,
    headers: { ...Object.fromEntries(kept), ...signed },
  });
  const fail = (error: NodeJS.ErrnoException): void => {
    logger.warn({ code: error.code }, 'a call to the provider failed');
    if (response.headersSent) response.destroy();
    else refuse(response, 502, 'The provider can not be reached.');
  };
  sent.on('error', fail);
  sent.on('response', (answer) => {
    const { connection: _connection, 'keep-alive': _keepAlive, ...headers } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, headers);
    response.flushHeaders();
    pipeline(answer, response, () => undefined);
  });
  response.once('close', () => sent.destroy());
  pipeline(request, sent, () => undefined);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  const body = JSON.stringify({ type: 'error', error: { type: 'authentication_error', message } });
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}
