// Calls between a benchmark and the processes it starts, over their IPC channel: one request, one answer.
import type { ChildProcess } from 'node:child_process';
import { z } from 'zod';
import { startService, type Service } from '../support/processes.ts';

/** What a process offers: functions of one JSON value. */
type Handlers = Readonly<Record<string, (input: never) => unknown>>;

const Request = z.object({
  type: z.literal('call'),
  id: z.int(),
  name: z.string(),
  input: z.unknown().optional(),
});
const Answer = z.object({
  type: z.literal('answer'),
  id: z.int(),
  value: z.unknown().optional(),
  error: z.string().optional(),
});

/** Serves calls until the parent is gone, and tells it that this process is ready. */
export function serve(handlers: Handlers): void {
  process.on('message', (message) => {
    const parsed = Request.safeParse(message);
    if (parsed.success) void answer(handlers, parsed.data);
  });
  process.on('disconnect', () => process.exit(0));
  // A Ctrl-C reaches the whole process group; the parent decides what ends when.
  process.on('SIGINT', () => undefined);
  process.send?.({ type: 'ready' });
}

async function answer(handlers: Handlers, request: z.infer<typeof Request>): Promise<void> {
  const { id, name, input } = request;
  try {
    const handler = handlers[name];
    if (handler === undefined) throw new Error(`there is no call ${name}`);
    const value = await handler(input as never); // the caller's types are the handlers' own
    process.send?.({ type: 'answer', id, value });
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.send?.({ type: 'answer', id, value: null, error: text });
  }
}

/** A process that serves `H`. Disposing it kills it. */
export interface Remote<H extends Handlers> extends AsyncDisposable {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Rejects with the other side's error, or when the process has ended. */
  call<K extends keyof H & string>(name: K, input: Parameters<H[K]>[0]): Promise<Awaited<ReturnType<H[K]>>>;
}

/** Starts `node <main>`, a file that calls {@link serve} with handlers of type `H`. */
export async function startRemote<H extends Handlers>(
  main: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Remote<H>> {
  const service = await startService({ main, env });
  return remoteOf<H>(service);
}

function remoteOf<H extends Handlers>(service: Service): Remote<H> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  service.child.on('message', (message) => {
    const parsed = Answer.safeParse(message);
    if (!parsed.success) return;
    const { id, value, error } = parsed.data;
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(error));
  });
  service.child.on('close', () => {
    for (const call of waiting.values()) call.reject(new Error(`a process ended:\n${service.output()}`));
    waiting.clear();
  });
  return {
    pid: service.pid,
    child: service.child,
    call: async (name, input) => {
      calls += 1;
      const call = Promise.withResolvers<unknown>();
      waiting.set(calls, call);
      service.child.send({ type: 'call', id: calls, name, input });
      return (await call.promise) as never; // what the handler of this name returned, through JSON
    },
    [Symbol.asyncDispose]: async () => service[Symbol.asyncDispose](),
  };
}
