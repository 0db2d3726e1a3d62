export { isTested, TESTED_CLI_VERSIONS } from './cli-version.ts';
export { findClaude, type ClaudeLocation } from './claude-path.ts';
export { ConfigError, loadConfig, redactConfig, unknownVariables, type Config } from './config.ts';
export { createLogger, type Logger } from './logger.ts';
export { createShutdown, type Shutdown } from './shutdown.ts';
export { metrics } from './metrics.ts';
export { runMain, type MainContext } from './run-main.ts';
export { variables, VARIABLE_PREFIX, type VariableName } from './variables.ts';
export { chooseModel, withoutModelCredentials, type ModelChoice } from './model-mode.ts';
