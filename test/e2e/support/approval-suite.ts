// The real CLI asks; people answer through the gateways; what was allowed runs, and nothing else. The same for every way
// that the CLI may ask by; called once by a test file.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@holdfast/client';
import { sessionKeys, type Redis } from '@holdfast/shared/store';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../support/processes.ts';
import { also, asked, begin, COLOUR, cwdOf, decide, isMade, resolved, tool, touch } from './asking.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from './system.ts';

let system: System;
let client: Client;
let redis: Redis;

export function approvalSuite(way: 'control' | 'mcp'): void {
  beforeAll(async () => {
    system = await startSystem();
    client = clientOf(system.gateway);
    redis = system.redis.connect();
  });
  afterAll(async () => {
    client.close();
    await system[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    expect(await redis.keys('*:approvals'), 'nothing waits after a test [F-10]').toEqual([]);
  });

  describe(`asked by way of ${way}`, () => {
    let worker: Service;
    /** The session of most tests: its child stays warm. Approvals are counted over all of them. */
    let one: Follower;
    beforeAll(async () => {
      worker = await system.startWorker({ HOLDFAST_WORKER_ID: `w-${way}`, HOLDFAST_APPROVALS: way });
      one = await newSession(client);
    });
    afterAll(async () => worker[Symbol.asyncDispose]());

    /** The number of the next approval of `one`. */
    const next = (): number => one.all('approval_requested').length + 1;

    describe('leave to run a tool', () => {
      it('waits in the hash and is given for one call: the same command asks again [F-01] [F-03]', async () => {
        const { end } = begin(one, `${touch('once')} [[say done]]`);
        const approval = await asked(one);
        expect(approval).toMatchObject({ tool: 'Bash', kind: 'tool', input: { command: 'touch once' } });
        const { approvals } = sessionKeys(one.session.sessionId);
        expect(await redis.hkeys(approvals)).toEqual([approval.approvalId]);
        const { session, view } = await client.http.inspect(one.session.sessionId);
        expect(session.status).toBe('awaiting_approval');
        expect(view.approvals).toMatchObject([{ approvalId: approval.approvalId, rules: approval.rules }]);
        expect(await isMade(one, 'once')).toBe(false);
        expect(await decide(one, { kind: 'allow' })).toMatchObject({ outcome: 'allowed', by: 'local' });
        expect((await end).stopReason).toBe('end_turn');
        expect(await isMade(one, 'once')).toBe(true);
        const number = next();
        const again = begin(one, `${touch('once')} [[say done]]`);
        await decide(one, { kind: 'deny' }, number);
        await again.end;
      });

      it('that is denied keeps the file from being made, and the model reads why [F-03]', async () => {
        const number = next();
        const { end } = begin(one, `${touch('denied')} [[say done]]`);
        const { toolCallId } = await asked(one, number);
        await decide(one, { kind: 'deny', message: 'not on a Sunday' }, number);
        expect((await end).stopReason).toBe('end_turn');
        expect(await one.one('tool_call_completed', { toolCallId: toolCallId ?? '' })).toMatchObject({
          ...{ isError: true, output: 'not on a Sunday' },
        });
        expect(await isMade(one, 'denied')).toBe(false);
      });

      it('with an edited input runs that one and not the other [F-03]', async () => {
        const number = next();
        const { end } = begin(one, `${touch('asked')} [[say done]]`);
        const input = { command: 'touch edited' };
        expect(await decide(one, { kind: 'allow', input }, number)).toMatchObject({ input });
        await end;
        expect([await isMade(one, 'asked'), await isMade(one, 'edited')]).toEqual([false, true]);
      });

      it('that is denied with stop ends the turn as an abort, without another word of the model [F-03]', async () => {
        const number = next();
        const { end } = begin(one, `${touch('stopped')} [[say never]]`);
        await decide(one, { kind: 'deny', stop: true }, number);
        const ended = await end;
        expect(ended.stopReason).toBe('aborted');
        expect(one.textOf(ended.turnId)).toBe('');
        expect(await isMade(one, 'stopped')).toBe(false);
        expect((await one.turn('[[say goes on]]')).stopReason).toBe('end_turn');
      });

      it('for two calls at once is given one by one, each by its id [F-05]', async () => {
        const number = next();
        const fetchOf = (name: string): object => ({ url: `https://127.0.0.1:9/${name}`, prompt: 'x' });
        const { end } = begin(
          one,
          `${tool('WebFetch', fetchOf('a'))} ${also('WebFetch', fetchOf('b'))} [[say done]]`,
        );
        const pair = [await asked(one, number), await asked(one, number + 1)];
        expect(await redis.hlen(sessionKeys(one.session.sessionId).approvals)).toBe(2);
        for (const approval of pair.toReversed()) {
          const { url } = approval.input as { url: string }; // as in the prompt
          await one.session.decide(approval.approvalId, { kind: 'deny', message: `no to ${url}` });
        }
        await end;
        const outputs = one
          .all('tool_call_completed')
          .filter(({ toolCallId }) => pair.some((approval) => approval.toolCallId === toolCallId));
        expect(outputs.map(({ toolCallId, output }) => [toolCallId, output])).toEqual(
          expect.arrayContaining(
            pair.map((approval, index) => [approval.toolCallId, `no to https://127.0.0.1:9/${'ab'[index]}`]),
          ),
        );
      });

      it("is asked for a subagent's tool too, with the subagent's id [F-05]", async () => {
        const number = next();
        const prompt = `${touch('sub')} [[say done]]`;
        const task = tool('Task', { description: 'd', subagent_type: 'general-purpose', prompt });
        const { end } = begin(one, `${task} [[say done]]`);
        const approval = await asked(one, number);
        expect(approval.tool).toBe('Bash');
        // The CLI does not tell it over MCP.
        expect(approval.agentId === undefined).toBe(way === 'mcp');
        await decide(one, { kind: 'allow' }, number);
        await end;
        expect(await isMade(one, 'sub')).toBe(true);
      });

      it('is not waited for any more once the turn is aborted [C-04] [F-10]', async () => {
        const number = next();
        const { end } = begin(one, `${touch('aborted')} [[say never]]`);
        const approval = await asked(one, number);
        await one.session.abort();
        expect(await resolved(one, approval)).toMatchObject({ outcome: 'cancelled', by: null });
        expect((await end).stopReason).toBe('aborted');
        await expect(one.session.decide(approval.approvalId, { kind: 'allow' })).rejects.toMatchObject({
          code: 'approval_cancelled',
        });
        await one.turn('[[say goes on]]');
        expect(await isMade(one, 'aborted')).toBe(false);
      });

      it('that nobody gives in time is denied, where the session says so [F-07]', async () => {
        const brief = await newSession(client, { settings: { approvalExpirySeconds: 1 } });
        const { end } = begin(brief, `${touch('late')} [[say done]]`);
        const approval = await asked(brief);
        expect(approval.expiresAt).toBeGreaterThan(approval.at);
        expect(await resolved(brief, approval)).toMatchObject({ outcome: 'expired', by: null });
        expect((await end).stopReason).toBe('end_turn');
        await expect(brief.session.decide(approval.approvalId, { kind: 'allow' })).rejects.toMatchObject({
          code: 'approval_expired',
        });
        expect(await isMade(brief, 'late')).toBe(false);
      });
    });

    describe('the way itself [F-02]', () => {
      it('is a token in the environment of the child over MCP only, which opens nothing once the session is deleted', async () => {
        const brief = await newSession(client);
        await brief.turn('[[say hello]]');
        const { environment, command } = await readProcess(brief.pid);
        const token = environment.get('HF_APPROVAL_TOKEN');
        expect([token !== undefined, command.includes(' stdio ')]).toEqual([
          way === 'mcp',
          way === 'control',
        ]);
        expect(command).not.toContain(token ?? 'Bearer');
        const url = /http:\/\/127\.0\.0\.1:\d+\/mcp/u.exec(command)?.[0];
        expect(url === undefined).toBe(way === 'control');
        if (url === undefined) return;
        const knock = async (): Promise<number> => {
          const headers = { authorization: `Bearer ${token ?? ''}`, 'mcp-session-id': 'none' };
          return (await fetch(url, { method: 'POST', headers, body: '{}' })).status;
        };
        expect(await knock()).toBe(404);
        await client.http.delete(brief.session.sessionId);
        await brief.until(async () => (await knock()) === 401, { what: 'the end of the token' });
      });
    });

    describe('leave for longer [F-03]', () => {
      it('for the session holds from then on, also for the next child', async () => {
        const number = next();
        const { end } = begin(one, `${touch('s1')} ${touch('s2')} [[say done]]`);
        const rules = ['Bash(touch *)'];
        expect(await decide(one, { kind: 'allow', scope: 'session', rules }, number)).toMatchObject({
          rules,
        });
        await end;
        const { view } = await client.http.inspect(one.session.sessionId);
        expect(view.settings.allowedTools).toEqual(rules);
        const { pid } = one;
        process.kill(pid, 'SIGKILL');
        await one.turn(`${touch('s3')} [[say done]]`);
        expect(one.pid).not.toBe(pid);
        expect([await isMade(one, 's1'), await isMade(one, 's2'), await isMade(one, 's3')]).toEqual([
          true,
          true,
          true,
        ]);
        expect(next()).toBe(number + 1);
      });

      it('for always holds in other sessions of the folder, not elsewhere, until it is taken back [F-09]', async () => {
        const first = await newSession(client);
        const { end } = begin(first, `${touch('w1')} [[say done]]`);
        const rules = ['Bash(touch *)'];
        await decide(first, { kind: 'allow', scope: 'always', rules });
        await end;
        const cwd = cwdOf(first);
        expect(await client.http.rules()).toMatchObject([{ cwd, rule: 'Bash(touch *)' }]);
        const second = await newSession(client, { cwd });
        await second.turn(`${touch('w2')} [[say done]]`);
        expect(await isMade(second, 'w2')).toBe(true);
        expect(second.all('approval_requested')).toEqual([]);
        const elsewhere = await newSession(client);
        const other = begin(elsewhere, `${touch('w3')} [[say done]]`);
        await decide(elsewhere, { kind: 'deny' });
        await other.end;
        await client.http.removeRule({ cwd, rule: 'Bash(touch *)' });
        expect(await client.http.rules()).toEqual([]);
      });
    });

    describe('questions and plans [F-03]', () => {
      it('answers reach the model, from the options or as free text', async () => {
        for (const answer of ['Blue', 'something with a hint of green']) {
          const number = next();
          const { end } = begin(one, `${tool('AskUserQuestion', { questions: [COLOUR] })} [[say done]]`);
          const approval = await asked(one, number);
          expect(approval).toMatchObject({ kind: 'question', input: { questions: [COLOUR] }, rules: [] });
          await expect(one.session.decide(approval.approvalId, { kind: 'allow' })).rejects.toMatchObject({
            code: 'decision_invalid',
          });
          await expect(
            one.session.decide(approval.approvalId, { kind: 'answer', answers: { 'Which size?': 'XL' } }),
          ).rejects.toMatchObject({
            ...{ code: 'decision_invalid' },
            details: { unknown: ['Which size?'], unanswered: ['Which colour?'] },
          });
          await decide(one, { kind: 'answer', answers: { 'Which colour?': answer } }, number);
          await end;
          expect(
            await one.one('tool_call_completed', { toolCallId: approval.toolCallId ?? '' }),
          ).toMatchObject({
            ...{ isError: false, output: expect.stringContaining(`"Which colour?"="${answer}"`) },
          });
        }
      });

      it('a plan is sent back with a comment, then approved with the mode to go on in, which the next child keeps', async () => {
        const planner = await newSession(client, { settings: { permissionMode: 'plan' } });
        const input = { file_path: '', content: 'by the plan' };
        const exit = tool('ExitPlanMode', { plan: '1. Do it' });
        const back = begin(planner, `${exit} [[say thinking]]`);
        expect(await asked(planner)).toMatchObject({ kind: 'plan', input: { plan: '1. Do it' } });
        await decide(planner, { kind: 'deny', message: 'think about the tests' });
        await back.end;
        expect(planner.all('tool_call_completed')).toMatchObject([
          { output: 'think about the tests', isError: true },
        ]);
        input.file_path = join(cwdOf(planner), 'planned.txt');
        const forth = begin(planner, `${exit} ${tool('Write', input)} [[say done]]`);
        await decide(planner, { kind: 'plan', mode: 'acceptEdits' }, 2);
        await forth.end;
        expect(await readFile(input.file_path, 'utf8')).toBe('by the plan');
        process.kill(planner.pid, 'SIGKILL');
        input.file_path = join(cwdOf(planner), 'later.txt');
        await planner.turn(`${tool('Write', input)} [[say done]]`);
        expect(await readFile(input.file_path, 'utf8')).toBe('by the plan');
        expect(planner.all('approval_requested')).toHaveLength(2);
      });

      it('in plan mode a Write leaves no file and asks nobody, whatever rule allows it; reading goes on [F-08]', async () => {
        const rules = ['Write', 'Bash(touch *)', 'Bash(python3 *)'];
        const planner = await newSession(client, {
          settings: { permissionMode: 'plan', allowedTools: rules },
        });
        await planner.one('session_created');
        const input = { file_path: join(cwdOf(planner), 'plan.txt'), content: 'x' };
        const inside = `${touch('by-subagent')} [[say done]]`;
        const task = tool('Task', { description: 'd', subagent_type: 'general-purpose', prompt: inside });
        await planner.turn(
          `${tool('Write', input)} ${touch('by-bash')} ${task} ${tool('Bash', { command: 'ls -a | head -3' })} [[say done]]`,
        );
        const made = await Promise.all(
          ['plan.txt', 'by-bash', 'by-subagent'].map((name) => isMade(planner, name)),
        );
        expect(made).toEqual([false, false, false]);
        expect(planner.all('approval_requested')).toEqual([]);
        expect(planner.all('notice').filter(({ kind }) => kind === 'permission')).toHaveLength(3);
        expect(planner.all('tool_call_completed').at(-1)).toMatchObject({ isError: false });
      });
    });
  });
}

async function readProcess(
  pid: number,
): Promise<{ readonly environment: ReadonlyMap<string, string>; readonly command: string }> {
  const [environment = '', command = ''] = await Promise.all(
    ['environ', 'cmdline'].map(async (name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
  );
  const pairs = environment.split('\0').map((line): [string, string] => {
    const [name = '', ...value] = line.split('=');
    return [name, value.join('=')];
  });
  return { environment: new Map(pairs), command: command.replaceAll('\0', ' ') };
}
