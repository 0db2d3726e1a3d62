// The list of requirements: one row each, with its state and what a proof of it needs. docs/REQUIREMENTS.md is
// written from it.
import { readFileSync } from 'node:fs';
import { z } from 'zod';

export const RequirementId = z.string().regex(/^[A-K]-\d{2}$/);

/** What a proof must use for real, no stand-in of ours. The model may be the demo model. */
const Need = z.enum(['cli', 'redis', 'processes', 'browser', 'containers']);
export type Need = z.infer<typeof Need>;

/** `fast`: proved by `npm test`; `slow`: proved by `npm run test:slow`. */
const Tier = z.enum(['fast', 'slow']);
export type Tier = z.infer<typeof Tier>;

const Requirement = z.strictObject({
  id: RequirementId,
  text: z.string().min(1),
  state: z.enum(['done', 'pending']),
  tier: Tier,
  needs: z.array(Need),
});
export type Requirement = z.infer<typeof Requirement>;

const ListFile = z.strictObject({ requirements: z.array(Requirement) });
const BaselineFile = z.strictObject({ pending: z.array(RequirementId) });

export const LIST_PATH = 'test/requirements/requirements.json';
export const BASELINE_PATH = 'test/requirements/pending-baseline.json';
export const checkout = new URL('../../', import.meta.url);

export function readList(): readonly Requirement[] {
  return parseList(readFileSync(new URL(LIST_PATH, checkout), 'utf8'));
}

export function parseList(text: string): readonly Requirement[] {
  return ListFile.parse(JSON.parse(text)).requirements;
}

/** The ids that may be pending. */
export function readBaseline(): readonly string[] {
  return parseBaseline(readFileSync(new URL(BASELINE_PATH, checkout), 'utf8'));
}

export function parseBaseline(text: string): readonly string[] {
  return BaselineFile.parse(JSON.parse(text)).pending;
}
