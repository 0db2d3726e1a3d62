// approve, deny, answer: which approval is meant, what is sent, and what is shown before.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApprovalId, type EventBodyOf } from '@holdfast/shared/protocol';
import { LogWriter } from '../../../packages/client/test/support/events.ts';
import { FakeGateway } from '../../../packages/client/test/support/fake-gateway.ts';
import { sessionIdOf } from '../../../packages/client/test/support/fake-log.ts';
import { approvalLines } from '../src/render/approval-lines.ts';
import { PLAIN } from '../src/render/style.ts';
import { run } from './support.ts';

const sid = sessionIdOf(0);
let gateway: FakeGateway;
let log: LogWriter;
beforeEach(async () => {
  gateway = await new FakeGateway().start();
  log = new LogWriter();
  log.created(sid);
});
afterEach(async () => gateway.stop());

const TOOL = {
  ...{ tool: 'Bash', input: { command: 'npm test' }, kind: 'tool' as const },
  rules: ['Bash(npm test *)'],
};
const QUESTION = {
  tool: 'AskUserQuestion',
  kind: 'question',
  input: { questions: [{ question: 'Which colour?', options: [{ label: 'Blue' }, { label: 'Red' }] }] },
} as const;

function asks(id: string, what: Partial<EventBodyOf<'approval_requested'>>): void {
  log.add({
    ...{ type: 'approval_requested', approvalId: ApprovalId.parse(id), turnId: null, toolCallId: 't1' },
    ...{ tool: 'Bash', input: {}, inputDigest: `digest-${id}` },
    ...what,
  });
  gateway.addLog(sid, log.events);
}

describe('deciding', () => {
  it('without an id decides the only approval that waits, on the input that was shown', async () => {
    asks('AAAAAA1', TOOL);
    const { exitCode, err } = await run(gateway, 'approve', sid);
    expect([exitCode, err]).toEqual([0, 'decided: allow\n']);
    expect(gateway.framesOf('decide')).toMatchObject([
      { approvalId: 'AAAAAA1', inputDigest: 'digest-AAAAAA1', decision: { kind: 'allow', scope: 'once' } },
    ]);
  });

  it('names those that wait when there are several, and takes the end of an id', async () => {
    asks('AAAAAA1', TOOL);
    asks('AAAAAA2', { tool: 'Write', input: { file_path: '/w/a' } });
    const vague = await run(gateway, 'deny', sid);
    expect(vague.exitCode).toBe(1);
    expect(vague.err).toMatch(/2 approvals wait[\s\S]*AAAAAA1 {2}Bash waits for leave: npm test[\s\S]*Write/);
    await run(gateway, 'deny', sid, 'a2', '--message', 'not there', '--stop');
    expect(gateway.framesOf('decide')).toMatchObject([
      { approvalId: 'AAAAAA2', decision: { kind: 'deny', message: 'not there', stop: true } },
    ]);
    expect((await run(gateway, 'deny', sid, 'zz')).err).toContain('"holdfast inspect" shows');
  });

  it('for longer shows the rule first, and takes another one; what is no rule or no object sends nothing', async () => {
    asks('AAAAAA1', TOOL);
    const { err } = await run(gateway, 'approve', sid, '--always');
    expect(err).toContain('allowed from now on in all your sessions in /w: Bash(npm test *)\n');
    await run(
      gateway,
      'approve',
      sid,
      '--session',
      '--rule',
      'Bash(npm *)',
      '--input',
      '{"command":"npm t"}',
    );
    expect(gateway.framesOf('decide').map(({ decision }) => decision)).toMatchObject([
      { kind: 'allow', scope: 'always' },
      { kind: 'allow', scope: 'session', rules: ['Bash(npm *)'], input: { command: 'npm t' } },
    ]);
    for (const wrong of [
      ['--input', '[1]'],
      ['--session', '--rule', '(x)'],
      ['--rule', 'Read'],
      ['--mode', 'default'],
    ]) {
      expect((await run(gateway, 'approve', sid, ...wrong)).exitCode).toBe(1);
    }
    expect(gateway.framesOf('decide')).toHaveLength(2);
  });

  it('answers a question by the number of an option or in own words; a question can not be approved', async () => {
    asks('AAAAAA1', QUESTION);
    await run(gateway, 'answer', sid, '2');
    await run(gateway, 'answer', sid, 'AAAAAA1', 'something', 'greenish');
    expect(gateway.framesOf('decide').map(({ decision }) => decision)).toMatchObject([
      { kind: 'answer', answers: { 'Which colour?': 'Red' } },
      { kind: 'answer', answers: { 'Which colour?': 'something greenish' } },
    ]);
    expect((await run(gateway, 'approve', sid)).err).toContain('"holdfast answer"');
  });

  it('approves a plan with the mode to go on in', async () => {
    asks('AAAAAA1', { tool: 'ExitPlanMode', kind: 'plan', input: { plan: '1. Do it' } });
    await run(gateway, 'approve', sid, '--mode', 'acceptEdits');
    expect(gateway.framesOf('decide')).toMatchObject([{ decision: { kind: 'plan', mode: 'acceptEdits' } }]);
  });

  it('says that nothing waits', async () => {
    gateway.addLog(sid, log.events);
    expect((await run(gateway, 'approve', sid)).err).toContain('Nothing waits');
  });
});

describe('what waits', () => {
  it('is in inspect and attach, with what to type', async () => {
    asks('AAAAAA1', TOOL);
    expect((await run(gateway, 'inspect', sid)).out).toContain(
      'asks      AAAAAA1  Bash waits for leave: npm test\n',
    );
    const { out } = await run(gateway, 'attach', sid, '--no-follow');
    expect(out).toContain('? Bash waits for leave: npm test\n');
    expect(out).toContain(`holdfast approve ${sid} AAAAAA1   --session or --always allow Bash(npm test *)\n`);
  });

  it('shows a question with its options, and a plan whole', () => {
    const options = { mode: 'transcript' as const, style: PLAIN, clean: (text: string) => text };
    const about = { approvalId: ApprovalId.parse('A1'), toolCallId: null };
    const question = approvalLines({ ...about, ...QUESTION }, options).join('\n');
    expect(question).toMatch(/Which colour\?\n.*1\. Blue\n.*2\. Red\n.*holdfast answer SESSION A1/);
    const plan = { tool: 'ExitPlanMode', kind: 'plan' as const, input: { plan: '# Plan\n1. Do it' } };
    expect(approvalLines({ ...about, ...plan }, options).join('\n')).toContain('# Plan\n  1. Do it');
  });
});
