// What is wrong with a history: counts by kind, and a sentence for each of the first problems.

export const FAULTS = ['lost', 'duplicated', 'reordered', 'divergedSilently', 'promptsRunTwice'] as const;
export type Fault = (typeof FAULTS)[number];

export interface Verdict extends Readonly<{ [F in Fault]: number }> {
  /** One sentence each, at most {@link MAX_PROBLEMS}. */
  readonly problems: readonly string[];
  readonly stats: HistoryStats;
}

export interface HistoryStats {
  /** Events that Redis acknowledged to their writer. */
  readonly acknowledged: number;
  /** Acknowledged, then lost by Redis and given up openly: the epoch changed. */
  readonly abandoned: number;
  /** Events that clients got, merged ones counted as many. */
  readonly delivered: number;
  /** Merged deltas that clients got. */
  readonly merged: number;
  /** Clients that still followed when everything had come to rest. */
  readonly ended: number;
  readonly turns: number;
  readonly resets: Readonly<{ [reason: string]: number }>;
}

const MAX_PROBLEMS = 50;

export class Findings {
  readonly #counts = new Map<Fault, number>();
  readonly #problems: string[] = [];
  readonly stats = {
    acknowledged: 0,
    abandoned: 0,
    delivered: 0,
    merged: 0,
    ended: 0,
    turns: 0,
    resets: {} as { [reason: string]: number },
  };

  add(fault: Fault, problem: string, count = 1): void {
    this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + count);
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(`${fault}: ${problem}`);
  }

  /** Takes back one that turned out to be something else. */
  takeBack(fault: Fault): void {
    this.#counts.set(fault, (this.#counts.get(fault) ?? 0) - 1);
  }

  verdict(): Verdict {
    const count = (fault: Fault): number => this.#counts.get(fault) ?? 0;
    return {
      lost: count('lost'),
      duplicated: count('duplicated'),
      reordered: count('reordered'),
      divergedSilently: count('divergedSilently'),
      promptsRunTwice: count('promptsRunTwice'),
      problems: this.#problems,
      stats: this.stats,
    };
  }
}
