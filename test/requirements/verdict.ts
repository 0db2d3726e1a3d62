// The last step of a run of a whole tier: reads what it proved, checks the list, and says what it found.
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { checkRequirements, citedPendingIds } from './check.ts';
import { readBaseline, readList, type Tier } from './list.ts';
import { readPast } from './past.ts';
import { Proof } from './proofs.ts';

/** `problems` are finished sentences; `lines` is what a person reads. */
export interface Verdict {
  readonly problems: readonly string[];
  readonly lines: readonly string[];
}

/** `proofsFile` is what the reporter wrote; a run that wrote none proved nothing. */
export async function judgeRun(tier: Tier, proofsFile: string): Promise<Verdict> {
  const requirements = readList();
  const text = await readFile(proofsFile, 'utf8').catch(() => '[]');
  const proofs = z.array(Proof).parse(JSON.parse(text));
  const input = { requirements, baseline: readBaseline(), past: await readPast(), tier, proofs };
  const problems = checkRequirements(input);
  const done = requirements.filter((row) => row.state === 'done');
  const here = done.filter((row) => row.tier === tier).length;
  const proved = citedPendingIds(input);
  return {
    problems,
    lines: [
      ...problems.map((problem) => `requirements: ${problem}`),
      `requirements: ${done.length} of ${requirements.length} done; ${here} of them are checked by this tier`,
      ...(proved.length === 0
        ? []
        : [`requirements: pending, but cited by passing tests: ${proved.join(' ')}`]),
    ],
  };
}
