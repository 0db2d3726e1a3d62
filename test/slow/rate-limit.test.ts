// Rate limits as the real CLI tells them. It does so with an OAuth token only; a made-up one never leaves the machine,
// since the CLI runs in a network namespace that has nothing but its own loopback.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { mintTurnId, NO_TOKENS, type EventBody } from '@holdfast/shared/protocol';
import { expect, it } from 'vitest';
import { EventMapper } from '../../apps/worker/src/agent/event-mapper.ts';
import { CliMessage } from '../../apps/worker/src/agent/cli-messages.ts';
import { turnEnd } from '../../apps/worker/src/session/turn-end.ts';

const SCRIPT = fileURLToPath(new URL('support/limited-cli.ts', import.meta.url));
const run = promisify(execFile);

interface Run {
  readonly resetsAt: number;
  readonly near: readonly unknown[];
  readonly beyond: readonly unknown[];
}

/** null: no network namespace can be made here. */
async function limitedTurns(): Promise<Run | null> {
  const enter = ['--net', '--', process.execPath];
  const canEnter = await run('unshare', [...enter, '-e', '0']).then(
    () => true,
    () => false,
  );
  if (!canEnter) return null;
  const { stdout } = await run('unshare', [...enter, SCRIPT], { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout) as Run; // written by the script above
}

it('a limit that comes near, and one that is reached, are told with type, percent and reset [H-02]', async (context) => {
  const told = await limitedTurns();
  if (told === null) return context.skip('a network namespace can only be made by root here');
  const mapper = new EventMapper({ contextTokens: 0, windowTokens: null, totals: NO_TOKENS, costUsd: 0 });
  const limitsOf = (lines: readonly unknown[]): EventBody[] =>
    lines
      .flatMap((line) => mapper.map(line, mintTurnId()).events)
      .filter((event) => event.type === 'notice' && event.kind === 'rate_limit');
  const common = { limit: 'five_hour', resetsAt: told.resetsAt * 1_000 };
  expect(limitsOf(told.near)).toMatchObject([
    { data: { ...common, status: 'allowed_warning', percent: 93 } },
  ]);
  expect(limitsOf(told.beyond)).toMatchObject([{ data: { ...common, status: 'rejected' } }]);
  const result = CliMessage.parse(told.beyond.at(-1));
  if (result.type !== 'result') throw new Error('the turn has no result');
  expect(turnEnd(result, { kind: 'none' }, 0)).toMatchObject({
    stopReason: 'failed',
    error: { code: 'api_error_429', message: expect.stringMatching(/limit/) },
  });
});
