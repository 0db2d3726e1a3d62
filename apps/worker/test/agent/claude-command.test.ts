import { describe, expect, it } from 'vitest';
import type { SessionSettings } from '@holdfast/shared/protocol';
import { claudeArguments, claudeEnvironment } from '../../src/agent/claude-command.ts';

const SETTINGS: SessionSettings = { permissionMode: 'default', allowedTools: [], disallowedTools: [] };
const args = (settings: Partial<SessionSettings> = {}, resume = false): string[] =>
  claudeArguments({ cliSessionId: 'c1', resume, settings: { ...SETTINGS, ...settings } });

describe("the CLI's arguments", () => {
  it('make a long-lived child that speaks JSON lines both ways [A-01]', () => {
    expect(args()).toEqual([
      ...['--print', '--verbose', '--input-format', 'stream-json', '--output-format', 'stream-json'],
      ...['--include-partial-messages', '--replay-user-messages', '--include-hook-events'],
      ...['--permission-prompt-tool', 'stdio', '--strict-mcp-config', '--permission-mode', 'default'],
      ...['--session-id', 'c1'],
    ]);
  });

  it('carry directories in their order and MCP servers, where the session names none of the same name [A-03]', () => {
    const given = args({
      additionalDirectories: ['/b', '/a'],
      mcpServers: { one: { command: 'mine' } },
    });
    expect(given.slice(given.indexOf('--add-dir'), given.indexOf('--add-dir') + 3)).toEqual([
      '--add-dir',
      '/b',
      '/a',
    ]);
    const mcpServers = { one: { command: 'theirs' }, two: { type: 'http', url: 'http://x' } };
    const all = claudeArguments({
      ...{ cliSessionId: 'c1', resume: false, mcpServers },
      settings: { ...SETTINGS, mcpServers: { one: { command: 'mine' } } },
    });
    expect(JSON.parse(all[all.indexOf('--mcp-config') + 1] ?? '')).toEqual({
      mcpServers: { one: { command: 'mine' }, two: { type: 'http', url: 'http://x' } },
    });
    expect(all).toContain('--strict-mcp-config');
  });

  it('go on with a conversation that has a transcript [A-02]', () => {
    expect(args({}, true).slice(-2)).toEqual(['--resume', 'c1']);
    expect(args({}, true)).not.toContain('--session-id');
  });

  it('carry model, mode and tool rules, never the switch that skips permissions [A-03] [F-08]', () => {
    const all = args({
      model: 'opus',
      permissionMode: 'plan',
      allowedTools: ['Read', 'Bash(git *)'],
      disallowedTools: ['WebFetch'],
    });
    expect(all.join('|')).toContain(
      '--permission-mode|plan|--model|opus|--allowedTools|Read|Bash(git *)|--disallowedTools|WebFetch|--session-id',
    );
    expect(all.join(' ')).not.toMatch(/dangerously/);
  });
});

const WORKER_ENV = {
  PATH: '/bin',
  HOME: '/home/me',
  LANG: 'C.UTF-8',
  HOLDFAST_TOKEN: 'secret',
  HOLDFAST_REDIS_PASSWORD: 'secret',
  REDIS_URL: 'redis://:secret@host',
  AWS_SECRET_ACCESS_KEY: 'aws',
  AWS_REGION: 'eu-west-1',
  ANTHROPIC_API_KEY: 'key',
  ANTHROPIC_BASE_URL: 'https://api.example',
  CLAUDE_CODE_USE_BEDROCK: '1',
  CLAUDE_CODE_OAUTH_TOKEN: 'oauth',
  CLAUDE_CODE_RESUME_INTERRUPTED_TURN: '1',
  CLAUDE_PATH: '/opt/claude',
  HTTPS_PROXY: 'http://proxy',
  GITHUB_TOKEN: 'secret',
  NODE_OPTIONS: '--inspect',
  UNSET: undefined,
};
const env = (options: { demo?: boolean; isRoot?: boolean } = {}): Record<string, string> =>
  claudeEnvironment({
    workerEnv: WORKER_ENV,
    sessionId: 's00-x',
    configDir: '/data/config',
    scratchDir: '/data/scratch',
    demoModelUrl: (options.demo ?? true) ? 'http://127.0.0.1:1' : null,
    isRoot: options.isRoot ?? false,
  });
const ALWAYS = [
  'CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC',
  'CLAUDE_CODE_EAGER_FLUSH',
  'CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS',
  'CLAUDE_CODE_TMPDIR',
  'CLAUDE_CONFIG_DIR',
  'DISABLE_AUTOUPDATER',
  'HF_SESSION_ID',
  'HOME',
  'LANG',
  'PATH',
];

describe("the CLI's environment [G-06]", () => {
  it('in demo mode has no credential of anybody and nothing of ours', () => {
    expect(Object.keys(env()).sort()).toEqual([...ALWAYS, 'ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL'].sort());
    expect(env()).toMatchObject({
      ANTHROPIC_API_KEY: 'holdfast-demo',
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:1',
      CLAUDE_CONFIG_DIR: '/data/config',
      CLAUDE_CODE_TMPDIR: '/data/scratch',
      HF_SESSION_ID: 's00-x',
    });
    expect(Object.values(env()).join(' ')).not.toMatch(/secret|aws|oauth/);
  });

  it('in real mode has the credentials of the model, still nothing of ours', () => {
    const real = env({ demo: false });
    expect(Object.keys(real).sort()).toEqual(
      [
        ...ALWAYS,
        'ANTHROPIC_API_KEY',
        'ANTHROPIC_BASE_URL',
        'AWS_REGION',
        'AWS_SECRET_ACCESS_KEY',
        'CLAUDE_CODE_OAUTH_TOKEN',
        'CLAUDE_CODE_USE_BEDROCK',
        'HTTPS_PROXY',
      ].sort(),
    );
    expect(real['ANTHROPIC_API_KEY']).toBe('key');
    expect(Object.values(real).join(' ')).not.toMatch(/secret/);
  });

  it('tells the CLI of its container only where it runs as root', () => {
    expect(env({ isRoot: true })['IS_SANDBOX']).toBe('1');
    expect(env()).not.toHaveProperty('IS_SANDBOX');
  });
});
