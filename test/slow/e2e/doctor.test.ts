// `holdfast doctor`, as a person runs it: on a machine that is well, and on one where little is.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeDataDir, startGateway, startWorker, TEST_TOKEN } from '../../support/processes.ts';
import { startRedis } from '../../support/redis.ts';

const MAIN = fileURLToPath(new URL('../../../apps/cli/src/main.ts', import.meta.url));
const Checks = z.array(
  z.object({ name: z.string(), status: z.string(), found: z.string(), fix: z.string().optional() }),
);
type Checks = z.infer<typeof Checks>;

interface Examined {
  readonly code: number;
  readonly text: string;
}

/** Runs the command with nothing of this process' environment but PATH. */
function doctor(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Examined> {
  const { promise, resolve } = Promise.withResolvers<Examined>();
  const options = { env: { PATH: process.env['PATH'], ...env }, timeout: 60_000 };
  execFile(process.execPath, [MAIN, 'doctor', ...args], options, (error, stdout, stderr) => {
    const code = error === null ? 0 : Number(error.code ?? -1);
    resolve({ code, text: stdout + stderr });
  });
  return promise;
}

const find = (checks: Checks, name: string): Checks[number] | undefined =>
  checks.find((check) => check.name === name);

let home: string;
beforeAll(async () => void (home = await mkdtemp(join(tmpdir(), 'hf-doctor-'))));
afterAll(async () => rm(home, { recursive: true, force: true }));

describe('holdfast doctor', () => {
  it('finds a running system well', async () => {
    await using data = await makeDataDir();
    await using redis = await startRedis(['--appendonly', 'yes', '--maxmemory', '200mb']);
    await using gateway = await startGateway({ redis, dataDir: data.path });
    await using _worker = await startWorker({
      redis,
      dataDir: data.path,
      env: { HOLDFAST_DEMO_MODEL_URL: 'http://127.0.0.1:9' },
    });
    const { url, password } = redis.address;
    const { code, text } = await doctor(['--json'], {
      HOME: home,
      REDIS_URL: url,
      ...(password === undefined ? {} : { HOLDFAST_REDIS_PASSWORD: password }),
      HOLDFAST_DATA_DIR: data.path,
      HOLDFAST_URL: gateway.url,
      HOLDFAST_TOKEN: TEST_TOKEN,
    });
    const checks = Checks.parse(JSON.parse(text));
    expect(checks.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(code).toBe(0);
    for (const name of [
      'redis',
      'redis eviction',
      'redis log',
      'clock',
      'workers',
      'cli',
      'data',
      'gateway',
    ]) {
      expect(find(checks, name)).toMatchObject({ name, status: 'ok' });
    }
    expect(find(checks, 'model')?.found).toBe('the demo model answers, because no credentials are set');
  });

  it('says what is wrong and how to fix it, and ends with code 1', async () => {
    await using redis = await startRedis(['--maxmemory-policy', 'allkeys-lru', '--appendonly', 'no']);
    const { url, password } = redis.address;
    const env = {
      HOME: home,
      REDIS_URL: url,
      ...(password === undefined ? {} : { HOLDFAST_REDIS_PASSWORD: password }),
      HOLDFAST_DATA_DIR: '/proc/holdfast',
      HOLDFAST_URL: 'http://127.0.0.1:9',
      HOLDFAST_TOKEN: TEST_TOKEN,
      CLAUDE_PATH: '/nowhere/claude',
    };
    const { code, text } = await doctor(['--json'], env);
    const checks = Checks.parse(JSON.parse(text));
    expect(code).toBe(1);
    const sick = {
      'redis eviction': /noeviction/,
      'redis log': /appendonly yes/,
      cli: /CLAUDE_PATH/,
      gateway: /npm run up/,
    };
    for (const [name, fix] of Object.entries(sick)) {
      expect(find(checks, name)).toMatchObject({ name, status: 'failed', fix: expect.stringMatching(fix) });
    }
    expect(find(checks, 'workers')).toMatchObject({ status: 'warning', found: 'none is alive' });
  });

  it('works where nothing runs', async () => {
    const { code, text } = await doctor([], { HOME: home, HOLDFAST_DATA_DIR: join(home, 'none') });
    expect(text).toMatch(/^warning {2}redis {10}none runs here\n {24}Start Holdfast with "npm run up"/m);
    expect(text).toMatch(/warning {2}gateway {8}none is known here\n.*npm run up/);
    expect(code).toBe(0);
  });
});
