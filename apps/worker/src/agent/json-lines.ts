// Newline-delimited JSON framing over raw chunks: lines split at any byte, UTF-8 split at any byte, a cap per line.

/** Longest line of the CLI's stdout, in bytes. A longer one ends the child: it would have to be held in memory. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

export type LineResult =
  | { readonly kind: 'json'; readonly value: unknown }
  /** Not JSON: skipped by the reader; `text` is cut to 200 characters. */
  | { readonly kind: 'bad'; readonly text: string }
  /** The line is longer than the cap. Told once: what comes after it is neither read nor held. */
  | { readonly kind: 'too_long'; readonly bytes: number };

/** Collects chunks into lines. `push` gives what became complete; `end` gives a last line without a newline. */
export interface JsonLines {
  push(chunk: Buffer): LineResult[];
  end(): LineResult[];
}

const NEWLINE = 0x0a;

export function createJsonLines(maxBytes: number = MAX_LINE_BYTES): JsonLines {
  let parts: Buffer[] = [];
  let held = 0;
  let isBroken = false;
  const tooLong = (bytes: number): LineResult => {
    isBroken = true;
    parts = [];
    return { kind: 'too_long', bytes };
  };
  const take = (last: Buffer): Buffer => {
    const line = parts.length === 0 ? last : Buffer.concat([...parts, last]);
    parts = [];
    held = 0;
    return line;
  };
  return {
    push: (chunk) => {
      if (isBroken) return [];
      const results: LineResult[] = [];
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
        const bytes = held + end - start;
        if (bytes > maxBytes) return [...results, tooLong(bytes)];
        const line = take(chunk.subarray(start, end));
        if (!isBlank(line)) results.push(parseLine(line));
        start = end + 1;
      }
      if (start < chunk.length) {
        parts.push(chunk.subarray(start));
        held += chunk.length - start;
        if (held > maxBytes) results.push(tooLong(held));
      }
      return results;
    },
    end: () => {
      const line = take(Buffer.alloc(0));
      return isBlank(line) ? [] : [parseLine(line)];
    },
  };
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

function parseLine(line: Buffer): LineResult {
  const text = line.toString('utf8');
  try {
    return { kind: 'json', value: JSON.parse(text) };
  } catch {
    return { kind: 'bad', text: text.slice(0, 200) };
  }
}
