// `up` is killed while a tool of a session runs.
import { until } from '../../support/until.ts';
import { createSession, sendPrompt } from './api.ts';
import { allGone, processesWith, type UpHome } from './holdfast.ts';

/** Kills `up` while a tool of a session runs that has left its session and cleared its environment. */
export async function killWithRunningTool(
  of: UpHome,
  command?: readonly [string, ...string[]],
): Promise<URL> {
  const up = of.start(command === undefined ? {} : { command });
  const link = await up.ready();
  const seconds = 40_000 + Math.floor(Math.random() * 10_000);
  const session = await createSession(link, { allowedTools: ['Bash'] });
  const script = `setsid env -i sleep ${seconds} & sleep ${seconds}`;
  await sendPrompt(link, session, `[[tool Bash ${JSON.stringify({ command: script })}]]`);
  await until(async () => (await processesWith(`sleep ${seconds}`)).length >= 2, {
    what: 'the tool to run',
    limitMs: 15_000,
  });
  const pid = await up.pid();
  process.kill(pid, 'SIGKILL');
  await until(
    async () =>
      (await processesWith(`sleep ${seconds}`)).length === 0 &&
      (await of.processes()).every((process) => !process.includes('--input-format')),
    { what: 'the child and what its tool started to be gone', limitMs: 2_000 },
  );
  await allGone(of);
  return link;
}
