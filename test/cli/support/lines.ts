// Lines of the CLI's stdout, and how a test names the one it waits for.

/** One JSON line as the CLI wrote it. Nothing is checked here: a new version may write anything. */
export type Line = Readonly<Record<string, unknown>>;

/** A part of a line that has to be there (as with `toMatchObject`), or a function that decides. */
export type Match = Line | ((line: Line) => boolean);

export function isMatch(line: Line, match: Match): boolean {
  return typeof match === 'function' ? match(line) : contains(line, match);
}

/** The value at a path of keys and indexes; undefined where the path leads nowhere. */
export function dig(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string | number, unknown>)[key]; // narrowed to an object just above
  }
  return current;
}

/** The text of a value at a path; the empty string when it is no string. */
export function textAt(value: unknown, ...path: readonly (string | number)[]): string {
  const found = dig(value, ...path);
  return typeof found === 'string' ? found : '';
}

/** All values under any of the keys, however deep: for asking whether an id occurs anywhere in a line. */
export function linesWith(lines: readonly Line[], text: string): Line[] {
  return lines.filter((line) => JSON.stringify(line).includes(text));
}

/** `type` or `type/subtype` of each line, for reading an order of events. */
export function kindsOf(lines: readonly Line[]): string[] {
  return lines.map((line) =>
    typeof line['subtype'] === 'string' ? `${String(line['type'])}/${line['subtype']}` : String(line['type']),
  );
}

function contains(value: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return Object.is(value, part);
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(part).every(([key, wanted]) => contains(dig(value, key), wanted));
}
