// What a test run showed: its tests that passed and asserted something, and the requirements their titles cite.
import { z } from 'zod';
import type { Need } from './list.ts';

/** One test that ran, passed and asserted. `file` is relative to the checkout, with slashes. */
export const Proof = z.object({ file: z.string(), title: z.string(), ids: z.array(z.string()) });
export type Proof = z.infer<typeof Proof>;

/** The ids in a title with the titles of its suites: `[B-04]`, or several as `[A-06, A-12]`. */
export function citedIds(title: string): readonly string[] {
  const lists = title.matchAll(/\[((?:[A-K]-\d{2})(?:,\s*[A-K]-\d{2})*)\]/g);
  return [...new Set([...lists].flatMap((match) => (match[1] ?? '').split(/,\s*/)))];
}

/** Folders of tests, and what their tests use for real. Elsewhere (unit tests) it is nothing of the kind. */
const GROUNDS: readonly { readonly folder: string; readonly real: readonly Need[] }[] = [
  { folder: 'test/store/', real: ['redis'] },
  { folder: 'test/conformance/', real: ['redis', 'processes'] },
  { folder: 'test/e2e/', real: ['redis', 'processes', 'cli'] },
  { folder: 'test/failure/', real: ['redis', 'processes', 'cli'] },
  { folder: 'test/chaos/', real: ['redis', 'processes', 'cli'] },
  { folder: 'test/setup/', real: ['redis', 'processes'] },
  { folder: 'test/cli/', real: ['cli', 'processes'] },
  { folder: 'test/browser/', real: ['redis', 'processes', 'cli', 'browser'] },
  { folder: 'test/slow/', real: ['redis', 'processes', 'cli', 'containers'] },
  { folder: 'apps/worker/test/process/', real: ['processes'] },
];

/** Whether tests of this file can prove something about all of `needs`. */
export function isOnGround(file: string, needs: readonly Need[]): boolean {
  const real = GROUNDS.find(({ folder }) => file.startsWith(folder))?.real ?? [];
  return needs.every((need) => real.includes(need));
}
