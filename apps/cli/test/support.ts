// Runs command lines in this process, against a gateway that speaks the protocol.
import type { FakeGateway } from '../../../packages/client/test/support/fake-gateway.ts';
import { runCli } from '../src/cli.ts';
import { PLAIN } from '../src/render/style.ts';

export interface CliRun {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** A command line under way: what it printed so far, and a Ctrl-C for it. */
export class RunningCli {
  out = '';
  err = '';
  readonly done: Promise<CliRun>;
  #interrupt: (() => void) | undefined;

  constructor(
    args: readonly string[],
    options: { readonly env: Record<string, string>; readonly stdin?: string },
  ) {
    const io = {
      out: (text: string) => void (this.out += text),
      err: (text: string) => void (this.err += text),
      isOutTerminal: false,
      isErrTerminal: false,
      outStyle: PLAIN,
      errStyle: PLAIN,
      readStdin: async () => options.stdin ?? '',
      onInterrupt: (handler: () => void) => {
        this.#interrupt = handler;
        return () => (this.#interrupt = undefined);
      },
    };
    const context = { io, env: options.env, cwd: '/', checkout: '/nowhere' };
    this.done = runCli(args, context).then((exitCode) => ({ exitCode, out: this.out, err: this.err }));
  }

  interrupt(): void {
    if (this.#interrupt === undefined) throw new Error('nothing listens for Ctrl-C');
    this.#interrupt();
  }
}

export function environmentOf(gateway: FakeGateway): Record<string, string> {
  return { HOLDFAST_URL: gateway.url, HOLDFAST_TOKEN: gateway.token };
}

export async function run(gateway: FakeGateway, ...args: readonly string[]): Promise<CliRun> {
  return new RunningCli(args, { env: environmentOf(gateway) }).done;
}
