import { z } from 'zod';
import { ToolRule } from './tool-rule.ts';

export const PermissionMode = z.enum(['default', 'acceptEdits', 'plan']);
export type PermissionMode = z.infer<typeof PermissionMode>;

/** A model's name or alias as the CLI takes it. The CLI accepts nonsense here, so the shape is checked by us. */
export const ModelName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:@/[\]-]{0,127}$/, 'is not a model name');

/** Names of the CLI for its models of the day, each also with `[1m]`. */
const MODEL_ALIASES = ['default', 'best', 'opus', 'sonnet', 'haiku', 'opusplan'];

/**
 * Whether this can be a model: an alias of the CLI, or a full name, which has its version or its maker in it
 * (`claude-opus-4-8`, `arn:aws:…`, `openrouter/some-model`). The CLI takes any word and fails at the first prompt.
 */
export function isPlausibleModel(name: string): boolean {
  return MODEL_ALIASES.includes(name.replace(/\[1m\]$/, '')) || /[0-9/:]/.test(name);
}

const rules = z.array(ToolRule).max(200);

/** Folders besides the working directory, in order; absolute paths under the workspace roots. */
const directories = z.array(z.string().min(1).max(4096)).max(20);

const texts = z.record(z.string().min(1).max(200), z.string().max(10_000));
/** How to reach an MCP server: a program to start, or an address. */
export const McpServer = z.union([
  z.strictObject({
    type: z.literal('stdio').optional(),
    command: z.string().min(1).max(4096),
    args: z.array(z.string().max(10_000)).max(100).optional(),
    env: texts.optional(),
  }),
  z.strictObject({
    type: z.enum(['http', 'sse']),
    url: z.url({ protocol: /^https?$/ }).max(4096),
    headers: texts.optional(),
  }),
]);
export type McpServer = z.infer<typeof McpServer>;

/** Names that begin with `holdfast` are the service's own. */
const serverName = z.string().regex(/^(?!holdfast)[A-Za-z0-9_-]{1,64}$/i, 'is not a name for an MCP server');
const mcpServers = z
  .record(serverName, McpServer)
  .refine((servers) => Object.keys(servers).length <= 20, 'are more than 20 MCP servers');

const approvalExpirySeconds = z.int().min(1).max(604_800);

/** What a person chose for a session. Absent fields mean the CLI's own default. */
export const SessionSettings = z.object({
  model: ModelName.optional(),
  permissionMode: PermissionMode.default('default'),
  /** Rules that allow tools without asking, in the CLI's syntax: `Bash(git *)`, `Read`. */
  allowedTools: rules.default([]),
  disallowedTools: rules.default([]),
  additionalDirectories: directories.optional(),
  /** By their name, besides those of the user's and the project's own configuration. */
  mcpServers: mcpServers.optional(),
  /** Whether the owner trusts the workspace; absent: what was said of this folder before, or nothing yet. */
  trusted: z.boolean().optional(),
  /** An approval that nobody answers for so long is denied; absent: it waits for ever. */
  approvalExpirySeconds: approvalExpirySeconds.optional(),
});
export type SessionSettings = z.infer<typeof SessionSettings>;

/** The same before defaults are filled in: what a client sends. */
export type SessionSettingsInput = z.input<typeof SessionSettings>;

/** Changes of settings: what is absent stays as it is, null goes back to the default. */
export const settingsChanges = {
  model: ModelName.nullable().optional(),
  permissionMode: PermissionMode.optional(),
  allowedTools: rules.optional(),
  disallowedTools: rules.optional(),
  additionalDirectories: directories.optional(),
  mcpServers: mcpServers.optional(),
  trusted: z.boolean().optional(),
  approvalExpirySeconds: approvalExpirySeconds.nullable().optional(),
};
export const SettingsChanges = z.object(settingsChanges);
export type SettingsChanges = z.infer<typeof SettingsChanges>;

/** The settings after a change; the same object when it changes nothing. */
export function changedSettings(settings: SessionSettings, changes: SettingsChanges): SessionSettings {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  const merged = Object.entries({ ...settings, ...Object.fromEntries(given) });
  const next = SessionSettings.parse(Object.fromEntries(merged.filter(([, value]) => value !== null)));
  return isSameSetting(next, settings) ? settings : next;
}

/** Whether two settings, or two values of a setting, say the same. */
export function isSameSetting(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
