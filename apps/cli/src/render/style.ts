// Colours for terminals. Without a terminal, or with NO_COLOR, texts stay as they are.

export interface Style {
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly red: (text: string) => string;
  readonly cyan: (text: string) => string;
}

const wrap =
  (on: number, off: number) =>
  (text: string): string =>
    `\u001B[${on}m${text}\u001B[${off}m`;

const COLOURED: Style = { dim: wrap(2, 22), bold: wrap(1, 22), red: wrap(31, 39), cyan: wrap(36, 39) };
const same = (text: string): string => text;
export const PLAIN: Style = { dim: same, bold: same, red: same, cyan: same };

/** NO_COLOR counts when it is set and not empty (no-color.org). */
export function styleFor(options: {
  readonly isTerminal: boolean;
  readonly noColor: string | undefined;
}): Style {
  return options.isTerminal && (options.noColor ?? '') === '' ? COLOURED : PLAIN;
}

// Everything of C0 and C1 but tab and line feed: what could move the cursor or retitle the window.
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const CONTROL = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g;

/** Text of a model or a tool, made harmless for a terminal. */
export function withoutControls(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(CONTROL, '');
}

/** One line, at most `max` characters. */
export function oneLine(text: string, max: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= max ? line : `${line.slice(0, max - 1)}…`;
}
