// What a benchmark says: tables and progress for people on stderr, one JSON object as the last line on stdout.
import { execFileSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { BARS, describeBar, misses } from './bars.ts';
import { brief } from './numbers.ts';

export class Report {
  readonly #bench: string;
  readonly #metrics = new Map<string, number>();
  readonly #bars = new Map(Object.entries(BARS));
  readonly #load1 = loadavg()[0] ?? Number.NaN;
  #rounds = 0;

  constructor(bench: string) {
    this.#bench = bench;
    this.line(
      `${bench}: ${availableParallelism()} cores, Node ${process.version}, load ${brief(this.#load1)}`,
    );
    if (this.#load1 > 1) this.line('This machine is busy: trust the ratios, not the absolute numbers.');
  }

  /** A line for people. */
  line(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  /** Begins a round; says how busy the machine is. */
  round(what: string): void {
    this.#rounds += 1;
    this.line(`  ${what}, load ${brief(loadavg()[0] ?? Number.NaN)}`);
  }

  /** Rounded to four significant digits: no run tells more. */
  metric(name: string, value: number): void {
    this.#metrics.set(name, Number(value.toPrecision(4)));
  }

  /** Adds to a counter, which is 0 until then. */
  count(name: string, more: number): void {
    this.#metrics.set(name, (this.#metrics.get(name) ?? 0) + more);
  }

  /** A bar that depends on the run's own options. */
  atLeast(name: string, value: number): void {
    this.#bars.set(name, { atLeast: value });
  }

  /** The metrics so far that miss their bar. */
  misses(): string[] {
    return [...this.#metrics].flatMap(([name, value]) => {
      const bar = this.#bars.get(name);
      return bar !== undefined && misses(bar, value) ? [name] : [];
    });
  }

  /** A table with a heading; columns are as wide as they need to be. */
  table(heading: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
    const texts = [heading, ...rows].map((row) =>
      row.map((cell) => (typeof cell === 'number' ? brief(cell) : cell)),
    );
    const widths = heading.map((_, column) => Math.max(...texts.map((row) => row[column]?.length ?? 0)));
    this.line('');
    for (const row of texts) {
      const cells = row.map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      });
      this.line(`  ${cells.join('  ').trimEnd()}`);
    }
    this.line('');
  }

  /** Prints the metrics beside their bars, then the JSON line. Call it last. */
  finish(): void {
    const metrics = Object.fromEntries(this.#metrics);
    const missed = this.misses();
    const rows = Object.entries(metrics).map(([name, value]) => {
      const bar = this.#bars.get(name);
      return [name, value, bar === undefined ? '' : describeBar(bar), missed.includes(name) ? 'MISS' : ''];
    });
    this.table(['metric', 'value', 'bar', ''], rows);
    const result = {
      bench: this.#bench,
      commit: commitOf(),
      node: process.version,
      cpus: availableParallelism(),
      load1: this.#load1,
      rounds: this.#rounds,
      // What could not be measured is NaN, which JSON writes as null; it is a miss.
      metrics,
      misses: missed,
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
}

/** The commit this checkout is at, `+` added where files differ from it. */
function commitOf(): string {
  try {
    const cwd = new URL('../..', import.meta.url);
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const isDirty = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short=12', 'HEAD')}${isDirty ? '+' : ''}`;
  } catch {
    return 'unknown';
  }
}
