// What an agent's commands can see of the service: a real CLI in real mode, whose provider is the demo model, runs Bash.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@holdfast/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../support/processes.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from '../../e2e/support/system.ts';

const KEY = 'sk-ant-the-key-of-the-operator';
const OTHER = 'another-secret-of-the-worker';

let system: System;
let worker: Service;
let client: Client;
let one: Follower;

beforeAll(async () => {
  system = await startSystem();
  worker = await system.startWorker({
    ...{ HOLDFAST_MODEL: 'real', ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: system.demoModel.url },
    ...{ AWS_SECRET_ACCESS_KEY: OTHER, SOME_SECRET: OTHER },
  });
  client = clientOf(system.gateway);
  one = await newSession(client, { settings: { allowedTools: ['Bash'] } });
});
afterAll(async () => {
  client.close();
  await worker[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

/** What a command of the agent prints. */
async function bash(command: string): Promise<string> {
  const { turnId, error } = await one.turn(`[[tool Bash ${JSON.stringify({ command })}]] [[say done]]`);
  expect(error).toBeNull();
  const results = one.all('tool_call_completed').filter((event) => event.turnId === turnId);
  expect(results).toHaveLength(1);
  return results[0]?.output ?? '';
}

describe("an agent's command", () => {
  it("finds no key of the provider, in its environment and in /proc; the agent's calls are answered all the same [G-06]", async () => {
    const environment = await bash('env');
    expect(environment).toMatch(/^ANTHROPIC_BASE_URL=http:\/\/127\.0\.0\.1:\d+$/m);
    const processes = await bash(
      "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; true",
    );
    expect(processes).toContain('CLAUDE_CONFIG_DIR=');
    const { address } = system.redis;
    for (const secret of [KEY, OTHER, address.password ?? '', system.gateway.token]) {
      expect(environment).not.toContain(secret);
      expect(processes).not.toContain(secret);
    }
  });

  it("can't use the proxy with another key than its own, and its own ends with its session [G-06]", async () => {
    const call = 'curl -s -o /dev/null -w "%{http_code}" -X POST "$ANTHROPIC_BASE_URL/v1/messages" -d "{}"';
    expect(await bash(`${call} -H "x-api-key: hfs_guess"; ${call}`)).toBe('401401');
    const [, url = '', key = ''] =
      /(http:\S+) (\S+)/.exec(await bash('echo "$ANTHROPIC_BASE_URL $ANTHROPIC_API_KEY"')) ?? [];
    const status = async (): Promise<number> =>
      (await fetch(`${url}/v1/messages`, { method: 'POST', headers: { 'x-api-key': key }, body: '{}' }))
        .status;
    expect(await status()).not.toBe(401);
    await client.http.delete(one.session.sessionId);
    await expect.poll(status, { timeout: 10_000 }).toBe(401);
  });
});

describe('a session', () => {
  it('has a config folder of its own, and works in no other folder than its own [G-06] [B-10]', async () => {
    const other = join(system.dataDir, 'workspaces', 'other');
    await mkdir(other, { recursive: true });
    await writeFile(join(other, 'file'), 'x');
    one = await newSession(client, { cwd: other, settings: { allowedTools: ['Bash'] } });
    const [first, second] = [await bash('pwd; echo "$CLAUDE_CONFIG_DIR"'), one.session.sessionId];
    expect(first.split('\n')).toEqual([
      other,
      expect.stringContaining(`/users/local/sessions/${second}/config`),
    ]);
  });
});
