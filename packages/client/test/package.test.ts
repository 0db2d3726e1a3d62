// The package as it would be published: built, linted, and used from outside the workspace's sources.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildPackage } from '../build.ts';
import { FakeGateway } from './support/fake-gateway.ts';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
let outDir: string;
let findings: readonly string[];

beforeAll(async () => {
  await mkdir(dist, { recursive: true });
  outDir = await mkdtemp(join(dist, 'test-'));
  findings = await buildPackage(outDir);
});
afterAll(async () => rm(outDir, { recursive: true, force: true }));

it('the built package has no fault that publint knows', () => {
  expect(findings).toEqual([]);
});

it('the built package needs nothing but zod and ws, in code and in types', async () => {
  const files = await Promise.all(
    ['index.js', 'index.d.ts', 'websocket-node.js', 'websocket-browser.js'].map((name) =>
      readFile(join(outDir, name), 'utf8'),
    ),
  );
  const imported = files.flatMap((text) => [
    ...text.matchAll(/^(?:import|export) .*from ["']([^."'][^"']*)["']/gm),
  ]);
  expect(new Set(imported.map((match) => match[1]))).toEqual(new Set(['#websocket', 'ws', 'zod']));
});

it('the built package connects from Node', async () => {
  const gateway = await new FakeGateway().start();
  const program = `
    import { Client } from ${JSON.stringify(join(outDir, 'index.js'))};
    const client = new Client(${JSON.stringify({ url: gateway.url, token: gateway.token })});
    const { session } = await client.create();
    console.log(session.sessionId, client.connection.getSnapshot().kind);
    client.close();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  await gateway.stop();
  expect(stdout).toBe('s7f-01JD0000000000000000000000 live\n');
});
