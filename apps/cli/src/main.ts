// `holdfast`: gives the command line the process's own streams, signals and environment.
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runCli } from './cli.ts';
import type { Io } from './io.ts';
import { styleFor } from './render/style.ts';

/** A wrapper passes on a Ctrl-C that the terminal has sent to the whole group already: that is still one. */
const SAME_INTERRUPT_MS = 300;

const checkout = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

function onInterrupt(handler: () => void): () => void {
  let lastAt = Number.NEGATIVE_INFINITY;
  const onSignal = (): void => {
    const now = performance.now();
    if (now - lastAt > SAME_INTERRUPT_MS) handler();
    lastAt = now;
  };
  process.on('SIGINT', onSignal);
  return () => process.off('SIGINT', onSignal);
}

/** A reader that has enough (`| head`) is no failure. */
function endQuietlyWithoutReader(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode);
  });
}

function processIo(): Io {
  const { stdin, stdout, stderr, env } = process;
  const noColor = env['NO_COLOR'];
  return {
    out: (chunk) => void stdout.write(chunk),
    err: (chunk) => void stderr.write(chunk),
    isOutTerminal: stdout.isTTY,
    isErrTerminal: stderr.isTTY,
    outStyle: styleFor({ isTerminal: stdout.isTTY, noColor }),
    errStyle: styleFor({ isTerminal: stderr.isTTY, noColor }),
    readStdin: () => text(stdin),
    onInterrupt,
  };
}

endQuietlyWithoutReader(process.stdout);
endQuietlyWithoutReader(process.stderr);
if (process.argv[2] === 'up') {
  process.argv.splice(2, 1);
  await import('./up/main.ts');
} else {
  const context = { io: processIo(), env: process.env, cwd: process.cwd(), checkout };
  process.exitCode = await runCli(process.argv.slice(2), context);
}
