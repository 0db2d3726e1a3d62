// What an allowance for longer allows, what a CLI is given of the rules, and what is refused of a policy.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionSettings, ToolRule, UserId } from '@holdfast/shared/protocol';
import { claudeArguments } from '../../src/agent/claude-command.ts';
import { digestOf } from '../../src/approvals/approval-broker.ts';
import { outcomeOf } from '../../src/approvals/answers.ts';
import { rulesOf, type Ask } from '../../src/approvals/ask.ts';
import { NO_POLICY, readPolicy, spawnRules } from '../../src/approvals/policy.ts';

const ask = (tool: string, input: Record<string, unknown>, proposed: string[] = []): Ask => ({
  ...{ askId: 'a', tool, input, proposed, toolCallId: null, agentId: undefined, reason: undefined },
});

describe('rules that are proposed', () => {
  it('are those of the CLI where it has some, else calls that begin alike, and none for questions and plans', () => {
    expect(rulesOf(ask('Bash', { command: 'npm test' }, ['Bash(npm test *)']))).toEqual(['Bash(npm test *)']);
    expect(rulesOf(ask('Bash', { command: 'npm test' }))).toEqual(['Bash(npm *)']);
    expect(rulesOf(ask('WebFetch', { url: 'https://example.org/a' }))).toEqual([
      'WebFetch(domain:example.org)',
    ]);
    expect(rulesOf(ask('Write', { file_path: 'a' }))).toEqual(['Write']);
    expect(rulesOf(ask('ExitPlanMode', {}))).toEqual([]);
  });

  it('never reach further than the command that is shown when it is several commands in one', () => {
    expect(rulesOf(ask('Bash', { command: 'ls && rm -r x' }))).toEqual(['Bash(ls && rm -r x)']);
    expect(rulesOf(ask('Bash', { command: 'ls\nrm -r x' }))).toEqual([]);
  });

  it('parse or are refused', () => {
    for (const rule of ['Read', 'Bash(git *)', 'mcp__db__query', 'Bash(echo (a))']) {
      expect([rule, ToolRule.safeParse(rule).success]).toEqual([rule, true]);
    }
    for (const rule of ['', 'Bash(', 'Bash()', '(x)', 'Bash(a)b', 'a b', 'Bash(a\nb)', 'x'.repeat(501)]) {
      expect([rule, ToolRule.safeParse(rule).success]).toEqual([rule, false]);
    }
  });

  it('are given back to the CLI for its own life only', () => {
    const decision = { kind: 'allow', scope: 'always', rules: ['Bash(npm *)', 'Read'] } as const;
    const asked = { ask: ask('Bash', { command: 'npm test' }), rules: [], by: UserId.parse('ann') };
    expect(outcomeOf({ ...decision, rules: [...decision.rules] }, asked)).toMatchObject({
      answer: {
        ...{ behavior: 'allow', updatedInput: { command: 'npm test' } },
        updatedPermissions: [
          {
            ...{ type: 'addRules', behavior: 'allow', destination: 'session' },
            rules: [{ toolName: 'Bash', ruleContent: 'npm *' }, { toolName: 'Read' }],
          },
        ],
      },
      resolved: { outcome: 'allowed', scope: 'always', rules: ['Bash(npm *)', 'Read'], by: 'ann' },
    });
  });
});

describe('an input', () => {
  it('has the same digest whatever the order of its keys, and another one when it differs', () => {
    expect(digestOf({ a: 1, b: { c: [1, 2], d: 2 } })).toBe(digestOf({ b: { d: 2, c: [1, 2] }, a: 1 }));
    expect(digestOf({ a: [1, 2] })).not.toBe(digestOf({ a: [2, 1] }));
  });
});

describe('the policy [F-09]', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hf-policy-'));
  });
  afterEach(async () => rm(dir, { recursive: true }));
  const write = async (text: string): Promise<string> => {
    const path = join(dir, 'policy.json');
    await writeFile(path, text);
    return path;
  };

  it('joins what a user always allows in the settings of the CLI, which puts deny before ask before allow', async () => {
    const policy = await readPolicy(
      await write('{"allow":["Bash(ls)"],"deny":["WebFetch"],"ask":["Write"]}'),
    );
    const rules = spawnRules(policy, [{ rule: 'Bash(npm *)' }, { rule: 'Bash(ls)' }]);
    const args = claudeArguments({
      ...{ cliSessionId: 'c', resume: false, settings: SessionSettings.parse({}), rules },
    });
    expect(JSON.parse(args[args.indexOf('--settings') + 1] ?? '')).toEqual({
      permissions: { allow: ['Bash(ls)', 'Bash(npm *)'], deny: ['WebFetch'], ask: ['Write'] },
    });
  });

  it('that is missing, no JSON, misspelt or has a rule that does not parse is refused with its name', async () => {
    expect(await readPolicy(undefined)).toEqual(NO_POLICY);
    await expect(readPolicy(join(dir, 'none.json'))).rejects.toThrow('none.json');
    await expect(readPolicy(await write('{'))).rejects.toThrow('policy.json is not JSON');
    await expect(readPolicy(await write('{"denny":[]}'))).rejects.toThrow('denny');
    await expect(readPolicy(await write('{"deny":["Bash("]}'))).rejects.toThrow('is not a rule');
  });
});
