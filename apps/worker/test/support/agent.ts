// The scripted agent (test/children/agent.mjs) as a command: speaks the CLI's dialect, misbehaves on demand.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChildCommand } from '../../src/process/child.ts';
import { childPath } from './children.ts';

export const AGENT = childPath('agent');

export interface AgentPlace extends AsyncDisposable {
  readonly cwd: string;
  readonly configDir: string;
  /** How to start it; `manner` is how it behaves from its start on: see the agent. */
  command(manner?: string): ChildCommand;
}

/** A working directory and a config directory of its own, removed when disposed. */
export async function makeAgentPlace(): Promise<AgentPlace> {
  const cwd = await mkdtemp(join(tmpdir(), 'hf-agent-'));
  const configDir = join(cwd, 'config');
  return {
    cwd,
    configDir,
    command: (manner = 'plain') => ({
      command: process.execPath,
      args: [AGENT, '--session-id', 'c1', '--model', manner],
      cwd,
      env: { PATH: process.env['PATH'] ?? '', CLAUDE_CONFIG_DIR: configDir },
    }),
    [Symbol.asyncDispose]: async () => rm(cwd, { recursive: true, force: true }),
  };
}
