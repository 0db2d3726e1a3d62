// How the CLI is started: its arguments and its environment. Pure.
import type { SessionSettings } from '@holdfast/shared/protocol';
import { BRIDGE_SERVER, BRIDGE_TOKEN, BRIDGE_TOOL } from '../approvals/bridge-names.ts';
import type { BridgeSeat } from '../approvals/mcp-bridge.ts';
import type { ProviderSeat } from './provider-proxy.ts';
import { NO_RULES, type SpawnRules } from '../approvals/policy.ts';
import type { McpServers } from './workspace-config.ts';
import { CHILD_MARKER, SESSION_MARKER } from '../process/containment.ts';

export interface ClaudeArguments {
  readonly cliSessionId: string;
  /** True when a transcript exists: the conversation goes on. */
  readonly resume: boolean;
  readonly settings: SessionSettings;
  /** Rules of the operator and the user. */
  readonly rules?: SpawnRules;
  /** Where the CLI asks for leave; without it, on its own pipe. */
  readonly bridge?: Pick<BridgeSeat, 'url'> | undefined;
  /** Servers of the user's and the project's configuration. Those of the session's settings come before them. */
  readonly mcpServers?: McpServers;
}

/** A week: the CLI must not give a question up before a person answers. */
const MCP_TIMEOUT_MS = 7 * 86_400_000;

/** The CLI's arguments for a long-lived child that speaks JSON lines both ways. */
export function claudeArguments(options: ClaudeArguments): string[] {
  const { cliSessionId, resume, settings, rules = NO_RULES, bridge } = options;
  const directories = settings.additionalDirectories ?? [];
  // The service's own comes last: no server of a project takes its place.
  const mcpServers = { ...options.mcpServers, ...settings.mcpServers, ...bridgeServer(bridge) };
  return [
    ...['--print', '--verbose', '--input-format', 'stream-json', '--output-format', 'stream-json'],
    ...['--include-partial-messages', '--replay-user-messages', '--include-hook-events'],
    ...askingArguments(bridge),
    '--strict-mcp-config',
    ...['--permission-mode', settings.permissionMode],
    ...(settings.model === undefined ? [] : ['--model', settings.model]),
    ...(settings.allowedTools.length === 0 ? [] : ['--allowedTools', ...settings.allowedTools]),
    ...(settings.disallowedTools.length === 0 ? [] : ['--disallowedTools', ...settings.disallowedTools]),
    ...(directories.length === 0 ? [] : ['--add-dir', ...directories]),
    ...(Object.keys(mcpServers).length === 0 ? [] : ['--mcp-config', JSON.stringify({ mcpServers })]),
    ...(hasRules(rules) ? ['--settings', JSON.stringify({ permissions: rules })] : []),
    ...(resume ? ['--resume', cliSessionId] : ['--session-id', cliSessionId]),
  ];
}

function askingArguments(bridge: ClaudeArguments['bridge']): string[] {
  const tool = bridge === undefined ? 'stdio' : `mcp__${BRIDGE_SERVER}__${BRIDGE_TOOL}`;
  return ['--permission-prompt-tool', tool];
}

/** The CLI fills the token in from its environment: arguments are for everybody on the machine to read. */
function bridgeServer(bridge: ClaudeArguments['bridge']): McpServers {
  if (bridge === undefined) return {};
  const headers = { Authorization: `Bearer \${${BRIDGE_TOKEN}}` };
  return { [BRIDGE_SERVER]: { type: 'http', url: bridge.url, headers } };
}

function hasRules({ allow, deny, ask }: SpawnRules): boolean {
  return allow.length + deny.length + ask.length > 0;
}

/** Variables of the worker's own environment that a child may see. Everything else stays with the worker. */
const PASSED = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR', 'TERM'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS'],
] as const;

/** Variables that say which model answers and with what credentials: passed on in real mode only. */
const CREDENTIALS =
  /^(ANTHROPIC_|AWS_|GOOGLE_|GCLOUD_|CLOUDSDK_|CLOUD_ML_|VERTEX_|CLAUDE_CODE_(OAUTH_TOKEN|USE_BEDROCK|USE_VERTEX|SKIP_)|(HTTPS?|NO|ALL)_PROXY$|(https?|no|all)_proxy$)/;

export interface ClaudeEnvironment {
  readonly workerEnv: Readonly<Record<string, string | undefined>>;
  readonly sessionId: string;
  /** Unique for this child: its processes are told from those of a later child by it. */
  readonly childId?: string;
  readonly configDir: string;
  /** A folder of the session's own for what the CLI would leave in the temporary folder. */
  readonly scratchDir: string;
  /** Where the demo model answers; null in real mode. */
  readonly demoModelUrl: string | null;
  readonly isRoot: boolean;
  readonly bridge?: Pick<BridgeSeat, 'token'> | undefined;
  /** Where the child's calls to the provider are signed; without it, the CLI has the credentials itself. */
  readonly provider?: Pick<ProviderSeat, 'url' | 'key'> | undefined;
}

/** With the key kept by the worker, only what chooses the model, and the way out for tools. */
function isForModel(name: string, { provider }: ClaudeEnvironment): boolean {
  if (provider === undefined) return CREDENTIALS.test(name);
  return /^ANTHROPIC_([A-Z_]+_)?MODEL$|^((HTTPS?|NO|ALL)_PROXY|(https?|no|all)_proxy)$/.test(name);
}

function modelEnvironment({ demoModelUrl, provider, workerEnv }: ClaudeEnvironment): Record<string, string> {
  if (demoModelUrl !== null) return { ANTHROPIC_BASE_URL: demoModelUrl, ANTHROPIC_API_KEY: 'holdfast-demo' };
  if (provider === undefined) return {};
  const direct = [workerEnv['NO_PROXY'] ?? workerEnv['no_proxy'], '127.0.0.1'].filter(Boolean).join(',');
  return {
    ANTHROPIC_BASE_URL: provider.url,
    ANTHROPIC_API_KEY: provider.key,
    ...{ NO_PROXY: direct, no_proxy: direct },
  };
}

/** The child's whole environment. */
export function claudeEnvironment(options: ClaudeEnvironment): Record<string, string> {
  const { workerEnv, demoModelUrl } = options;
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(workerEnv)) {
    if (value === undefined) continue;
    const passed = (PASSED as readonly string[]).includes(name); // widened: the list is of literals
    if (passed || (demoModelUrl === null && isForModel(name, options))) env[name] = value;
  }
  const model = modelEnvironment(options);
  return {
    ...env,
    ...model,
    CLAUDE_CONFIG_DIR: options.configDir,
    CLAUDE_CODE_TMPDIR: options.scratchDir,
    // Without these the CLI looks up hosts and calls small models on the side (seen with 2.1.197).
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
    // The transcript is on disk before the answer is on stdout: a killed child loses nothing that was shown.
    CLAUDE_CODE_EAGER_FLUSH: '1',
    CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS: '1',
    ...bridgeEnvironment(options.bridge),
    ...(options.isRoot ? { IS_SANDBOX: '1' } : {}),
    [SESSION_MARKER]: options.sessionId,
    ...(options.childId === undefined ? {} : { [CHILD_MARKER]: options.childId }),
  };
}

function bridgeEnvironment(bridge: ClaudeEnvironment['bridge']): Record<string, string> {
  if (bridge === undefined) return {};
  const limit = String(MCP_TIMEOUT_MS);
  return {
    [BRIDGE_TOKEN]: bridge.token,
    MCP_TOOL_TIMEOUT: limit,
    CLAUDE_CODE_MCP_TOOL_IDLE_TIMEOUT: limit,
  };
}
