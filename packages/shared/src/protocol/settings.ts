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

/** What a person chose for a session. Absent fields mean the CLI's own default. */
export const SessionSettings = z.object({
  model: ModelName.optional(),
  permissionMode: PermissionMode.default('default'),
  /** Rules that allow tools without asking, in the CLI's syntax: `Bash(git *)`, `Read`. */
  allowedTools: z.array(ToolRule).max(200).default([]),
  disallowedTools: z.array(ToolRule).max(200).default([]),
  /** An approval that nobody answers for so long is denied; absent: it waits for ever. */
  approvalExpirySeconds: z.int().min(1).max(604_800).optional(),
});
export type SessionSettings = z.infer<typeof SessionSettings>;

/** The same before defaults are filled in: what a client sends. */
export type SessionSettingsInput = z.input<typeof SessionSettings>;
