// The mark that every event of the benchmark carries in its text: when it was made, and its number in the session.
// `@<µs>#<number>.` may stand anywhere in what a client receives, so that all lanes are read alike.

/** CLOCK_MONOTONIC in µs: all processes of a machine share it. */
export function nowUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000_000 + Math.floor(nanoseconds / 1_000);
}

/** A text of `chars` characters (or a little more) that carries the mark. */
export function markedText(madeUs: number, number: number, chars: number): string {
  return `@${madeUs}#${number}.`.padEnd(chars, 'x');
}

/** Calls `take` for each mark in `text`, in order. A mark that is cut off at the end is passed over. */
export function scanMarks(text: string, take: (madeUs: number, number: number) => void): void {
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    const hash = text.indexOf('#', at);
    const dot = text.indexOf('.', hash);
    if (hash === -1 || dot === -1) return;
    take(Number(text.slice(at + 1, hash)), Number(text.slice(hash + 1, dot)));
  }
}
