// A parent of the CLI in a process of its own, for a test that kills it: `node parent.ts`, with the command as JSON
// and the prompt in its environment. It writes the prompt and then does nothing but live.
import { spawn } from 'node:child_process';
import { z } from 'zod';

const { command, args, cwd, env, prompt } = z
  .object({
    command: z.string(),
    args: z.array(z.string()),
    cwd: z.string(),
    env: z.record(z.string(), z.string()),
    prompt: z.string(),
  })
  .parse(JSON.parse(process.env['CLI_PARENT'] ?? ''));

const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'inherit', 'inherit'] });
child.stdin.write(`${JSON.stringify({ type: 'user', message: { role: 'user', content: prompt } })}\n`);
