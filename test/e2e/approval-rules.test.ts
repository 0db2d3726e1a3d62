// Rules and hooks before people: the operator's policy, the session's own lists, and the hooks of Claude Code.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@holdfast/client';
import { UserId } from '@holdfast/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../support/processes.ts';
import { begin, decide, isMade, tool, touch } from './support/asking.ts';
import { clientOf, newSession, startSystem, type System } from './support/system.ts';

const POLICY = {
  allow: ['Bash(touch policy-allows*)'],
  deny: ['Bash(touch policy-denies*)'],
  ask: ['Bash(ls)'],
  bypassMinutes: 5,
};

const hookSays = (permissionDecision: string, permissionDecisionReason: string): string =>
  JSON.stringify({
    hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision, permissionDecisionReason },
  });
/** Denies what names the forbidden, allows what names the blessed, and has no opinion on all else. */
const HOOK = [
  'case "$(cat)" in',
  `*forbidden*) echo '${hookSays('deny', 'the hook says no')}';;`,
  `*blessed*) echo '${hookSays('allow', 'the hook says yes')}';;`,
  'esac',
].join('\n');

let system: System;
let worker: Service;
let client: Client;
let env: Record<string, string>;

beforeAll(async () => {
  system = await startSystem();
  const seedDir = join(system.dataDir, 'seed');
  await mkdir(seedDir);
  const hooks = { PreToolUse: [{ matcher: 'Bash', hooks: [{ type: 'command', command: HOOK }] }] };
  await writeFile(join(seedDir, 'settings.json'), JSON.stringify({ hooks }));
  const policy = join(system.dataDir, 'policy.json');
  await writeFile(policy, JSON.stringify(POLICY));
  env = { HOLDFAST_POLICY: policy, HOLDFAST_CLAUDE_CONFIG_DIR: seedDir };
  worker = await system.startWorker({ ...env, HOLDFAST_WORKER_ID: 'w1' });
  client = clientOf(system.gateway);
});
afterAll(async () => {
  client.close();
  await worker[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

describe('before anybody is asked [F-09]', () => {
  it('the policy denies what the session allows, allows what nobody else does, and has people asked about what is free', async () => {
    const rules = ['Bash(touch *)', 'Bash(ls)'];
    const settings = { allowedTools: rules, disallowedTools: ['Bash(touch session-denies*)'] };
    const one = await newSession(client, { settings });
    const names = ['policy-denies', 'session-denies', 'session-allows'];
    await one.turn(`${names.map(touch).join(' ')} [[say done]]`);
    expect(await Promise.all(names.map((name) => isMade(one, name)))).toEqual([false, false, true]);
    expect(one.all('approval_requested')).toEqual([]);
    const { end } = begin(one, `${tool('Bash', { command: 'ls' })} [[say done]]`);
    expect(await decide(one, { kind: 'allow' })).toMatchObject({ outcome: 'allowed' });
    await end;
    const other = await newSession(client);
    await other.turn(`${touch('policy-allows')} [[say done]]`);
    expect(await isMade(other, 'policy-allows')).toBe(true);
    expect(other.all('approval_requested')).toEqual([]);
  });

  it('a hook that denies keeps the tool from running and tells the model why; one that allows lets it run [F-01]', async () => {
    const one = await newSession(client);
    await one.turn(`${touch('forbidden')} ${touch('blessed')} [[say done]]`);
    expect([await isMade(one, 'forbidden'), await isMade(one, 'blessed')]).toEqual([false, true]);
    expect(one.all('tool_call_completed')).toMatchObject([
      { isError: true, output: expect.stringContaining('the hook says no') },
      { isError: false },
    ]);
    expect(one.all('approval_requested')).toEqual([]);
    const { end } = begin(one, `${touch('neither')} [[say done]]`);
    await decide(one, { kind: 'deny' });
    await end;
    expect(await isMade(one, 'neither')).toBe(false);
  });
});

describe('bypassed permissions [F-08]', () => {
  it('let tools run without asking, visibly; denials hold; a new child and a new owner ask again', async () => {
    const one = await newSession(client);
    await one.turn('[[say hello]]');
    await one.session.bypass(6);
    await one.one('notice', { text: 'Permissions are bypassed for 5 minutes at most.' });
    await one.session.bypass(5);
    const on = await one.one('bypass_changed', { by: UserId.parse('local') });
    expect((await client.http.inspect(one.session.sessionId)).view.bypass).toEqual({
      until: on.until,
      by: 'local',
    });
    await one.turn(`${touch('bypassed')} ${touch('policy-denies')} ${touch('forbidden')} [[say done]]`);
    const names = ['bypassed', 'policy-denies', 'forbidden'];
    expect(await Promise.all(names.map((name) => isMade(one, name)))).toEqual([true, false, false]);
    expect(one.all('approval_requested')).toEqual([]);
    expect(one.all('notice').filter(({ text }) => text.startsWith('Ran Bash without asking'))).toHaveLength(
      1,
    );
    process.kill(one.pid, 'SIGKILL');
    await one.one('bypass_changed', { until: null, reason: 'The agent ended.' });
    const asks = begin(one, `${touch('after-resume')} [[say done]]`);
    await decide(one, { kind: 'deny' });
    await asks.end;
    await one.session.bypass(5);
    await one.until(() => one.all('bypass_changed').length === 3, { what: 'the bypass' });
    await using _heir = await system.startWorker({ ...env, HOLDFAST_WORKER_ID: 'w2' });
    await worker.stop('SIGKILL');
    const again = begin(one, `${touch('after-takeover')} [[say done]]`);
    await one.one('bypass_changed', { until: null, reason: 'Its worker was lost.' });
    await decide(one, { kind: 'deny' }, 2);
    await again.end;
    expect(await isMade(one, 'after-takeover')).toBe(false);
    expect((await client.http.inspect(one.session.sessionId)).view.bypass).toBeNull();
  });
});
