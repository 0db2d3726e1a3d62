// A part that is a Node program of this checkout; it says over its IPC channel when it is ready.
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import type { Launch } from '../process/spawn-part.ts';
import type { PartSpec } from './part.ts';

/** What a part sends once, when it is ready; `port` where it listens. */
const ReadyMessage = z.object({ type: z.literal('ready'), port: z.number().int().optional() });
export type ReadyMessage = z.infer<typeof ReadyMessage>;

export interface NodePartOptions {
  readonly name: string;
  readonly checkout: string;
  /** Path of the program's main file, from the checkout. */
  readonly main: string;
  readonly stopLimitMs: number;
  /** Evaluated before each start, so that a part that comes back gets the port it had. */
  readonly env: () => NodeJS.ProcessEnv;
  /** The end of the line that is printed when it is ready. */
  readonly describe: (ready: ReadyMessage) => string;
}

export function nodePart(options: NodePartOptions): PartSpec {
  const launch = (): Launch => ({
    file: process.execPath,
    args: [join(options.checkout, options.main)],
    cwd: options.checkout,
    env: options.env(),
    hasChannel: true,
    deathSignal: 'SIGKILL',
  });
  return {
    name: options.name,
    stopLimitMs: options.stopLimitMs,
    prepare: launch,
    awaitReady: async (child, signal) => {
      for (;;) {
        const [message]: unknown[] = await once(child, 'message', { signal });
        const ready = ReadyMessage.safeParse(message);
        if (ready.success) return options.describe(ready.data);
      }
    },
  };
}
