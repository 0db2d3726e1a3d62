// The frame of a server process: config errors as one line each, signals, parent loss, exit codes.
import { ConfigError, loadConfig, redactConfig, type Config } from './config.ts';
import { createLogger, type Logger } from './logger.ts';
import { serveMetrics } from './metrics-server.ts';
import { createShutdown, type Shutdown } from './shutdown.ts';
import type { VariableName } from './variables.ts';

/** What a server's start function gets. */
export interface MainContext<Name extends VariableName> {
  readonly config: Config<Name>;
  readonly logger: Logger;
  /** Where to register what must be stopped. */
  readonly shutdown: Shutdown;
  /** Ends the process in order, as a signal would; `code` is the exit code if every step stopped cleanly. */
  readonly stop: (reason: string, code?: number) => void;
}

/**
 * Runs `start` as this process's main function. SIGINT and SIGTERM, and the loss of a parent that started us
 * over an IPC channel, run the shutdown once; a second signal ends the process at once. When `start` resolves
 * and there is an IPC channel, the parent is told `{type: 'ready', ...result}`.
 */
export async function runMain<const Name extends VariableName>(
  options: { readonly part: string; readonly variables: readonly Name[] },
  start: (context: MainContext<Name>) => Promise<Record<string, unknown>>,
): Promise<void> {
  const env = process.env;
  const config = loadConfigOrExit(env, options.variables);
  const common = loadConfigOrExit(env, [
    'HOLDFAST_LOG_LEVEL',
    'HOLDFAST_METRICS_HOST',
    'HOLDFAST_METRICS_PORT',
  ]);
  const logger = createLogger({ part: options.part, level: common.HOLDFAST_LOG_LEVEL });
  const shutdown = createShutdown(logger);
  let stopping = false;
  const stop = (reason: string, code = 0): void => {
    if (stopping) return;
    stopping = true;
    void shutdown.run(reason).then((clean) => process.exit(clean ? code : 1));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => (stopping ? process.exit(1) : stop(signal)));
  }
  process.on('disconnect', () => stop('parent gone'));
  process.on('unhandledRejection', (error) => {
    logger.fatal({ err: error }, 'unhandled rejection');
    stop('unhandled rejection', 1);
  });
  const startMetrics = async (): Promise<{ readonly metricsPort?: number }> => {
    const { HOLDFAST_METRICS_HOST: host, HOLDFAST_METRICS_PORT: port } = common;
    if (port === undefined) return {};
    const server = await serveMetrics({ part: options.part, host, port });
    shutdown.add({ name: 'metrics', limitMs: 1_000, stop: server.close });
    logger.info({ host, port: server.port }, 'metrics are served');
    return { metricsPort: server.port };
  };
  try {
    logger.info({ config: redactConfig(config) }, 'starting');
    const metricsPort = await startMetrics();
    const result = await start({ config, logger, shutdown, stop });
    process.send?.({ type: 'ready', ...result, ...metricsPort });
  } catch (error) {
    logger.fatal({ err: error }, 'start failed');
    process.stderr.write(`holdfast: ${error instanceof Error ? error.message : String(error)}\n`);
    await shutdown.run('start failed');
    process.exit(1);
  }
}

function loadConfigOrExit<const Name extends VariableName>(
  env: NodeJS.ProcessEnv,
  names: readonly Name[],
): Config<Name> {
  try {
    return loadConfig(env, names);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) process.stderr.write(`holdfast: ${problem}\n`);
    process.exit(1);
  }
}
