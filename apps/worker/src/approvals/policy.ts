// Rules that the operator sets for all sessions, and what a CLI is given of all rules when it starts.
import { readFile } from 'node:fs/promises';
import { MAX_BYPASS_MINUTES, ToolRule } from '@holdfast/shared/protocol';
import type { UserRule } from '@holdfast/shared/store';
import { z } from 'zod';

const rules = z.array(ToolRule).max(1_000).default([]);

/** The policy file. Unknown names are refused: a misspelt `deny` would allow. */
export const Policy = z.strictObject({
  /** Runs without asking. */
  allow: rules,
  /** Never runs, whoever allows it. */
  deny: rules,
  /** Is asked for, although something else allows it. */
  ask: rules,
  /** For how many minutes at a time a session's owner may let everything through; 0: never. */
  bypassMinutes: z.int().min(0).max(MAX_BYPASS_MINUTES).default(0),
});
export type Policy = z.infer<typeof Policy>;

export const NO_POLICY: Policy = { allow: [], deny: [], ask: [], bypassMinutes: 0 };

/** Rules for `--settings`; those of the session's own settings are given apart. */
export interface SpawnRules {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly ask: readonly string[];
}

export const NO_RULES: SpawnRules = { allow: [], deny: [], ask: [] };

/** Which rule wins is settled by the CLI, whatever a rule's source: deny before ask before allow. */
export function spawnRules(policy: Policy, always: readonly Pick<UserRule, 'rule'>[]): SpawnRules {
  const allow = [...new Set([...policy.allow, ...always.map(({ rule }) => rule)])];
  return { allow, deny: policy.deny, ask: policy.ask };
}

/** Reads the policy file; throws with a sentence for the operator. */
export async function readPolicy(path: string | undefined): Promise<Policy> {
  if (path === undefined) return NO_POLICY;
  const text = await readFile(path, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`The policy file ${path} is not JSON.`, { cause: error });
  }
  const parsed = Policy.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`The policy file ${path} is not valid: ${z.prettifyError(parsed.error)}`);
}
