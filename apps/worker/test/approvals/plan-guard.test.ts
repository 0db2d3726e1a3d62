// What may run while an agent plans: only what changes nothing.
import { describe, expect, it } from 'vitest';
import { planProblem } from '../../src/approvals/plan-guard.ts';

const CONFIG = '/data/config';
const isFree = (tool: string, input: Record<string, unknown> = {}): boolean =>
  planProblem({ tool, input }, CONFIG) === null;
const runs = (command: string): boolean => isFree('Bash', { command });

describe('plan mode [F-08]', () => {
  it('lets reading tools, questions and plans through, and nothing that writes or is not known', () => {
    for (const tool of ['Read', 'Grep', 'Glob', 'Agent', 'ExitPlanMode', 'AskUserQuestion']) {
      expect([tool, isFree(tool)]).toEqual([tool, true]);
    }
    for (const tool of ['Write', 'Edit', 'NotebookEdit', 'mcp__db__query', 'KillShell', 'FromTomorrow']) {
      expect([tool, isFree(tool)]).toEqual([tool, false]);
    }
  });

  it('lets the plan file itself be written, and no other', () => {
    expect(isFree('Write', { file_path: `${CONFIG}/plans/quiet-fox.md` })).toBe(true);
    for (const path of [
      'plan.md',
      `${CONFIG}/plans/../settings.md`,
      `${CONFIG}/plans/a.sh`,
      `${CONFIG}/a.md`,
    ]) {
      expect([path, isFree('Write', { file_path: path })]).toEqual([path, false]);
    }
    expect(planProblem({ tool: 'Write', input: { file_path: '/plans/a.md' } }, '')).not.toBeNull();
  });

  it.each(['ls -la', 'cat a | grep b | head -3', 'git log --oneline && git status', 'pwd; wc -l a'])(
    'lets the shell read: %s',
    (command) => expect(runs(command)).toBe(true),
  );

  it.each([
    ...['touch a', 'echo x > a', 'cat a >> b', 'ls $(touch a)', 'ls `touch a`', 'git commit -m x', 'git', ''],
    ...['find . -delete', 'sed -i s/a/b/ f', 'tee a', 'xargs rm', 'ls | sh', 'A=1 touch a', 'git -C x push'],
    ...[
      'git diff --output=a',
      'cat <(touch a)',
      'ls\ntouch a',
      'ls & touch a',
      'env touch a',
      'python3 -c 1',
    ],
  ])('denies the shell everything else: %s', (command) => expect(runs(command)).toBe(false));
});
