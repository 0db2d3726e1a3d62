// Runs inside a network namespace without a way out: the real CLI with a made-up OAuth token, and a model on loopback
// whose answers tell of limits. Prints the lines of two turns as JSON: one near the limit, one beyond it.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSandbox } from '../../cli/support/sandbox.ts';

execFileSync('ip', ['link', 'set', 'lo', 'up']);
const resetsAt = Math.floor(Date.now() / 1_000) + 3_600;
const limits = (status: string, used: string): Record<string, string> => ({
  'anthropic-ratelimit-unified-status': status,
  'anthropic-ratelimit-unified-reset': String(resetsAt),
  'anthropic-ratelimit-unified-representative-claim': 'five_hour',
  'anthropic-ratelimit-unified-5h-reset': String(resetsAt),
  'anthropic-ratelimit-unified-5h-utilization': used,
  'anthropic-ratelimit-unified-5h-surpassed-threshold': '0.9',
});

await using box = await createSandbox();
let isReached = false;
const front = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (isReached && request.url?.startsWith('/v1/messages') === true) {
      response.writeHead(429, { 'content-type': 'application/json', ...limits('rejected', '1') });
      response.end('{"type":"error","error":{"type":"rate_limit_error","message":"reached"}}');
      return;
    }
    const body = Buffer.concat(chunks);
    void fetch(`${box.modelUrl}${request.url ?? '/'}`, {
      method: request.method ?? 'GET',
      headers: { 'content-type': request.headers['content-type'] ?? 'application/json' },
      ...(body.length === 0 ? {} : { body }),
    }).then(async (answer) => {
      const type = answer.headers.get('content-type') ?? 'application/json';
      response.writeHead(answer.status, { 'content-type': type, ...limits('allowed_warning', '0.93') });
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
  });
});
front.listen(0, '127.0.0.1');
await once(front, 'listening');
const { port } = front.address() as AddressInfo; // a TCP server that listens has one
const cli = box.start({
  env: {
    ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
    ANTHROPIC_API_KEY: undefined,
    CLAUDE_CODE_OAUTH_TOKEN: 'made-up',
  },
});
const near = await cli.turn('[[say near]]');
isReached = true;
const beyond = await cli.turn('[[say beyond]]');
front.closeAllConnections();
front.close();
process.stdout.write(JSON.stringify({ resetsAt, near, beyond }));
