// Where a CLI under test lives: its own HOME, config directory and working folder, and a demo model on loopback.
// Arguments and environment are the product's own, so that what is judged is what runs.
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDemoModel } from '@holdfast/demo-model';
import { SessionSettings, type SessionSettingsInput } from '@holdfast/shared/protocol';
import { findClaude } from '@holdfast/shared/runtime';
import { until } from '../../support/until.ts';
import { claudeArguments, claudeEnvironment } from '../../../apps/worker/src/agent/claude-command.ts';
import { CliProcess, LIMIT_MS, type CliCommand } from './cli-process.ts';
import { textAt, type Line } from './lines.ts';
import { killMarked } from './processes.ts';

/** The binary under test: the pinned one, or what CLAUDE_PATH names. */
export function claudePath(): string {
  const location = findClaude(process.env);
  if (location.status === 'missing') throw new Error(location.problem);
  return location.path;
}

export interface StartOptions {
  /** The CLI's session id; a new one by default. */
  readonly cliSessionId?: string;
  readonly resume?: boolean;
  readonly settings?: SessionSettingsInput;
  /** Further arguments, after the product's. */
  readonly args?: readonly string[];
  /** All arguments, instead of the product's. */
  readonly allArgs?: readonly string[];
  /** Changes of the environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A command in front of the CLI's own. */
  readonly prefix?: readonly string[];
  /** Another working folder than the sandbox's. */
  readonly cwd?: string;
}

/** A call of the Messages API, as the demo model got it. */
export interface ModelCall {
  readonly body: Line;
  /** Whether the answer was sent to its end, or the CLI hung up before that. */
  state: 'open' | 'answered' | 'aborted';
}

export interface Sandbox extends AsyncDisposable {
  readonly home: string;
  readonly configDir: string;
  readonly cwd: string;
  readonly modelUrl: string;
  /** Calls of `/v1/messages` so far, oldest first. */
  readonly modelCalls: readonly ModelCall[];
  /** A command line and environment as `start` uses them; what a test starts with them is ended with the sandbox. */
  spec(options?: StartOptions): CliCommand;
  /** Starts a CLI; the sandbox ends it at the latest. */
  start(options?: StartOptions): CliProcess;
  /** Waits until the model was called `count` times in all. */
  called(count: number): Promise<void>;
  /** Where the CLI keeps a conversation that began in the sandbox's working folder. */
  transcriptPath(cliSessionId: string): string;
  /** The lines of a transcript; none when there is no such file. */
  transcript(cliSessionId: string, cwd?: string): Promise<Line[]>;
}

/** Whether `text` occurs anywhere in the conversation that a call carried. Not the text itself: it fills screens. */
export function wasSent(call: ModelCall | undefined, text: string): boolean {
  return (JSON.stringify(call?.body['messages']) ?? '').includes(text);
}

/** Names of the tools that a call offered to the model. */
export function toolNames(call: ModelCall | undefined): string[] {
  const tools = call?.body['tools'];
  return Array.isArray(tools) ? tools.map((tool: unknown) => textAt(tool, 'name')) : [];
}

export async function createSandbox(): Promise<Sandbox> {
  // The CLI names the transcript's folder after the real path.
  const root = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-cli-')));
  const dirs = { home: join(root, 'home'), configDir: join(root, 'config'), cwd: join(root, 'work') };
  for (const dir of [...Object.values(dirs), join(root, 'tmp')]) await mkdir(dir);
  const modelCalls: ModelCall[] = [];
  const model = buildDemoModel();
  model.addHook('preHandler', (request, reply, done) => {
    if (request.url.startsWith('/v1/messages') && !request.url.includes('count_tokens')) {
      const call: ModelCall = { body: request.body as Line, state: 'open' }; // the CLI sends JSON objects
      modelCalls.push(call);
      reply.raw.once('close', () => (call.state = reply.raw.writableFinished ? 'answered' : 'aborted'));
    }
    done();
  });
  await model.listen({ host: '127.0.0.1', port: 0 });
  const { port } = model.server.address() as AddressInfo; // a TCP server that listens has one
  const modelUrl = `http://127.0.0.1:${port}`;
  const started: CliProcess[] = [];
  const markers: string[] = [];
  const spec = (options: StartOptions = {}): CliCommand => {
    const command = specOf(options, { ...dirs, root, modelUrl });
    markers.push(command.marker);
    return command;
  };
  return {
    ...dirs,
    modelUrl,
    modelCalls,
    spec,
    start: (options) => {
      const cli = new CliProcess(spec(options));
      started.push(cli);
      return cli;
    },
    called: async (count) => {
      await until(() => modelCalls.length >= count, {
        what: `${count} calls of the model`,
        limitMs: LIMIT_MS,
      });
    },
    transcriptPath: (id) => pathOfTranscript(dirs.configDir, dirs.cwd, id),
    transcript: async (id, cwd = dirs.cwd) => readTranscript(pathOfTranscript(dirs.configDir, cwd, id)),
    [Symbol.asyncDispose]: async () => {
      const ends = await Promise.allSettled([
        ...started.map((cli) => cli[Symbol.asyncDispose]()),
        ...markers.map(killMarked),
      ]);
      await model.close();
      await rm(root, { recursive: true, force: true, maxRetries: 5 });
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    },
  };
}

/** Where the CLI keeps a conversation: the working folder with everything but letters and digits as `-`. */
function pathOfTranscript(configDir: string, cwd: string, cliSessionId: string): string {
  return join(configDir, 'projects', cwd.replaceAll(/[^a-zA-Z0-9]/gu, '-'), `${cliSessionId}.jsonl`);
}

function specOf(
  options: StartOptions,
  place: {
    readonly root: string;
    readonly home: string;
    readonly configDir: string;
    readonly cwd: string;
    readonly modelUrl: string;
  },
): CliCommand {
  const marker = `cli-test-${crypto.randomUUID()}`;
  const workerEnv = { PATH: process.env['PATH'], HOME: place.home, TMPDIR: join(place.root, 'tmp') };
  const env = {
    ...claudeEnvironment({
      workerEnv,
      sessionId: marker,
      configDir: place.configDir,
      scratchDir: join(place.root, 'tmp'),
      demoModelUrl: place.modelUrl,
      isRoot: process.getuid?.() === 0,
    }),
    ...options.env,
  };
  const [command = '', ...args] = [
    ...(options.prefix ?? []),
    claudePath(),
    ...(options.allArgs ?? productArgs(options)),
    ...(options.args ?? []),
  ];
  const kept = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return { command, args, cwd: options.cwd ?? place.cwd, env: Object.fromEntries(kept), marker };
}

function productArgs({ cliSessionId, resume = false, settings = {} }: StartOptions): string[] {
  return claudeArguments({
    cliSessionId: cliSessionId ?? crypto.randomUUID(),
    resume,
    settings: SessionSettings.parse(settings),
  });
}

async function readTranscript(path: string): Promise<Line[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Line]));
}
