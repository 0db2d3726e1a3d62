// `npm run up`: arguments, signals and the exit code around runUp.
import { fileURLToPath } from 'node:url';
import { configProblems, loadUpConfig, type UpConfig } from './environment.ts';
import { UpFailure } from './failure.ts';
import { HELP } from './help.ts';
import { runUp } from './run-up.ts';

/**
 * npm passes on a signal that the terminal has sent to the whole group already, on a busy machine a moment later:
 * that is still the first one. Below this a single Ctrl-C may kill; above it a person waits for the second to count.
 */
const SAME_SIGNAL_MS = 1_500;

const checkout = fileURLToPath(new URL('../../../..', import.meta.url)).replace(/\/$/, '');

function say(line: string): void {
  process.stdout.write(`holdfast: ${line}\n`);
}

function complain(line: string): void {
  process.stderr.write(`holdfast: ${line}\n`);
}

/** The first signal stops in order, a later one kills. Also the loss of a parent that watches us stops. */
function stopOnSignals(): { stop: AbortSignal; onKillable: (killNow: () => void) => void } {
  const stop = new AbortController();
  let killNow = (): void => {};
  let firstAt: number | undefined;
  const onSignal = (name: string): void => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      say(`stopping (${name})`);
      stop.abort();
    } else if (now - firstAt > SAME_SIGNAL_MS) {
      complain('killing everything at once');
      killNow();
      process.exit(130);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => onSignal(signal));
  process.on('disconnect', () => onSignal('the parent process is gone'));
  // A closed terminal or pipe must not keep the parts from being stopped.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  return { stop: stop.signal, onKillable: (kill) => void (killNow = kill) };
}

function loadConfigOrComplain(): UpConfig | undefined {
  try {
    return loadUpConfig(process.env, checkout);
  } catch (error) {
    for (const problem of configProblems(error)) complain(problem);
    return undefined;
  }
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return 0;
  }
  if (args.length > 0) {
    complain(
      `"npm run up" takes no ${JSON.stringify(args[0])}. Settings are environment variables: see --help.`,
    );
    return 1;
  }
  const config = loadConfigOrComplain();
  if (config === undefined) return 1;
  try {
    const signals = stopOnSignals();
    await runUp({ checkout, env: process.env, config, say, ...signals });
    if (signals.stop.aborted) say('stopped');
    return 0;
  } catch (error) {
    if (!(error instanceof UpFailure)) throw error;
    complain(error.message.trim());
    return 1;
  }
}

process.exit(await main(process.argv.slice(2)));
