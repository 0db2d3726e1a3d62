// The marker grammar: turns a prompt's text into a list of markers, or says which marker is wrong.
// A marker is `[[` directly followed by a letter, up to its closing `]]`; all other text is ignored.
import { nearestName } from '@holdfast/shared/util';
import { z } from 'zod';

const count = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
// An answer that is not streamed is built in memory.
const maxTextChars = 64_000_000;

const times = count(1, 1000).optional();

/** The statuses an `[[error status=…]]` marker may name, with the error type the real API gives. */
export const errorTypes = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  529: 'overloaded_error',
} as const satisfies Record<number, string>;

const isErrorStatus = (status: number): status is ErrorStatus => Object.hasOwn(errorTypes, status);
const statusList = Object.keys(errorTypes).join(', ');

const options = {
  text: z
    .strictObject({
      count: count(1, 100_000).default(20),
      size: count(1, 65_536).optional(),
      rate: count(0, 10_000).optional(),
    })
    .refine(
      ({ count, size = 1 }) => count * size <= maxTextChars,
      `count times size is over ${maxTextChars}`,
    ),
  rate: z.strictObject({ tokens: count(0, 10_000) }),
  slow: z.strictObject({ ms: count(1, 3_600_000) }),
  status: z.strictObject({
    status: z.coerce.number().refine(isErrorStatus, `must be one of ${statusList}`),
    times,
    message: z.string().optional(),
  }),
  times: z.strictObject({ times }),
  usage: z.strictObject({
    input: count(0, 10_000_000).optional(),
    output: count(0, 10_000_000).optional(),
    cache_read: count(0, 10_000_000).optional(),
    cache_creation: count(0, 10_000_000).optional(),
  }),
};

const stopReasons = ['end_turn', 'max_tokens', 'refusal'] as const;

export type ErrorStatus = keyof typeof errorTypes;
export type StopReason = (typeof stopReasons)[number];
export type UsageOverride = Readonly<z.infer<typeof options.usage>>;

/** One parsed marker. `times` undefined means every time. */
export type Marker =
  | { readonly kind: 'say' | 'think'; readonly text: string }
  | { readonly kind: 'text'; readonly count: number; readonly size?: number; readonly rate?: number }
  | { readonly kind: 'tool' | 'also'; readonly name: string; readonly input: Record<string, unknown> }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'rate'; readonly tokensPerSecond: number }
  | {
      readonly kind: 'error_status';
      readonly status: ErrorStatus;
      readonly message?: string;
      readonly times?: number;
    }
  | { readonly kind: 'error_stream' | 'cut'; readonly times?: number }
  | { readonly kind: 'usage'; readonly usage: UsageOverride }
  | { readonly kind: 'stop'; readonly reason: StopReason };

export type ParsedPrompt =
  | { readonly kind: 'plain' }
  | { readonly kind: 'script'; readonly markers: readonly Marker[] }
  | { readonly kind: 'invalid'; readonly marker: string; readonly problem: string };

/** One example of each marker, in the order of the documentation. */
export const examples: readonly string[] = [
  '[[say hello]]',
  '[[text count=200 rate=60 size=5]]',
  '[[think let me see]]',
  '[[rate tokens=30]]',
  '[[tool Bash {"command":"date"}]]',
  '[[also Bash {"command":"uptime"}]]',
  '[[slow ms=3000]]',
  '[[error status=529 times=2]]',
  '[[error stream]]',
  '[[cut]]',
  '[[usage input=150000 output=20]]',
  '[[stop max_tokens]]',
];

class MarkerError extends Error {}

/** Parses every marker of a prompt. The first wrong marker makes the whole prompt invalid. Never throws. */
export function parsePrompt(text: string): ParsedPrompt {
  const markers: Marker[] = [];
  const opening = /\[\[([a-z_]+)/giu;
  for (let found = opening.exec(text); found !== null; found = opening.exec(text)) {
    try {
      const bodyStart = found.index + found[0].length;
      const { marker, end } = parseMarker(found[1] ?? '', text, bodyStart);
      checkPlace(marker, markers);
      markers.push(marker);
      opening.lastIndex = end;
    } catch (error) {
      if (!(error instanceof MarkerError)) throw error;
      const close = text.indexOf(']]', found.index);
      const shown = text.slice(found.index, close === -1 ? undefined : close + 2);
      return {
        kind: 'invalid',
        marker: shown.length > 200 ? `${shown.slice(0, 200)}…` : shown,
        problem: error.message,
      };
    }
  }
  return markers.length === 0 ? { kind: 'plain' } : { kind: 'script', markers };
}

interface Parsed {
  readonly marker: Marker;
  /** Where the text after the marker starts. */
  readonly end: number;
}

const keywords = ['say', 'text', 'think', 'rate', 'tool', 'also', 'slow', 'error', 'cut', 'usage', 'stop'];

function parseMarker(keyword: string, text: string, start: number): Parsed {
  if (keyword === 'tool' || keyword === 'also') return parseTool(keyword, text, start);
  if (keyword === 'say' || keyword === 'think') return parseWords(keyword, text, start);
  const end = text.indexOf(']]', start);
  if (end === -1) throw new MarkerError('its closing ]] is missing');
  const body = text.slice(start, end);
  if (body !== '' && !/^\s/u.test(body)) throw unknownKeyword(keyword + (/^\S+/u.exec(body)?.[0] ?? ''));
  return { marker: parseOptionMarker(keyword, body.trim()), end: end + 2 };
}

function parseOptionMarker(keyword: string, body: string): Marker {
  switch (keyword) {
    case 'text':
      return defined({ kind: 'text', ...readOptions(options.text, body) });
    case 'rate':
      return { kind: 'rate', tokensPerSecond: readOptions(options.rate, body).tokens };
    case 'slow':
      return { kind: 'slow', ...readOptions(options.slow, body) };
    case 'cut':
      return defined({ kind: 'cut', ...readOptions(options.times, body) });
    case 'usage':
      return { kind: 'usage', usage: readOptions(options.usage, body) };
    case 'stop': {
      const reason = stopReasons.find((known) => known === body);
      if (reason === undefined) throw new MarkerError(`the reason must be one of ${stopReasons.join(', ')}`);
      return { kind: 'stop', reason };
    }
    case 'error': {
      const stream = /^stream(?:\s+|$)/u.exec(body);
      if (stream === null) return defined({ kind: 'error_status', ...readOptions(options.status, body) });
      return defined({ kind: 'error_stream', ...readOptions(options.times, body.slice(stream[0].length)) });
    }
    default:
      throw unknownKeyword(keyword);
  }
}

function unknownKeyword(keyword: string): MarkerError {
  const nearest = nearestName(keyword, keywords);
  const hint = nearest === undefined ? '' : ` (did you mean "${nearest}"?)`;
  return new MarkerError(`there is no marker "${keyword}"${hint}`);
}

/** Drops keys whose value is undefined, which the optional properties of {@link Marker} do not allow. */
function defined(marker: { readonly kind: Marker['kind'] } & Record<string, unknown>): Marker {
  const entries = Object.entries(marker).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as unknown as Marker; // the option schemas match the members of Marker
}

function readOptions<T>(schema: z.ZodType<T>, body: string): T {
  const raw: Record<string, unknown> = {};
  let rest = body;
  while (rest !== '') {
    const pair = /^([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"]+)(?:\s+|$)/u.exec(rest);
    if (pair === null) throw new MarkerError(`"${rest}" is not of the form name=value`);
    const [whole, name = '', value = ''] = pair;
    if (Object.hasOwn(raw, name)) throw new MarkerError(`${name} is given twice`);
    raw[name] = value.startsWith('"') ? readJson(value) : value;
    rest = rest.slice(whole.length);
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => [...issue.path, issue.message].join(': '));
  throw new MarkerError(issues.join('; '));
}

function parseWords(kind: 'say' | 'think', text: string, start: number): Parsed {
  const quoted = /\s+"(?:[^"\\]|\\.)*"\s*\]\]/uy;
  quoted.lastIndex = start;
  const match = quoted.exec(text);
  if (match !== null) {
    const value = readJson(match[0].slice(0, -2).trim());
    return { marker: { kind, text: String(value) }, end: quoted.lastIndex };
  }
  const end = text.indexOf(']]', start);
  if (end === -1) throw new MarkerError('its closing ]] is missing');
  const body = text.slice(start, end);
  if (body !== '' && !/^\s/u.test(body)) throw unknownKeyword(kind + (/^\S+/u.exec(body)?.[0] ?? ''));
  if (body.trim() === '') throw new MarkerError('its text is missing');
  return { marker: { kind, text: body.trim() }, end: end + 2 };
}

function parseTool(kind: 'tool' | 'also', text: string, start: number): Parsed {
  const head = /\s+([\w-]{1,128})\s*/uy;
  head.lastIndex = start;
  const name = head.exec(text)?.[1];
  if (name === undefined) throw new MarkerError('the name of the tool is missing');
  const jsonStart = head.lastIndex;
  const jsonEnd = text[jsonStart] === '{' ? endOfJsonObject(text, jsonStart) : jsonStart;
  const closing = /\s*\]\]/uy;
  closing.lastIndex = jsonEnd;
  if (closing.exec(text) === null) throw new MarkerError('after the name comes one JSON object, then ]]');
  const input = jsonEnd === jsonStart ? {} : readJson(text.slice(jsonStart, jsonEnd));
  // A text from `{` to its matching `}` that parses as JSON is an object.
  return { marker: { kind, name, input: input as Record<string, unknown> }, end: closing.lastIndex };
}

/** The index after the object's closing brace; braces and brackets inside strings do not count. */
function endOfJsonObject(text: string, start: number): number {
  let depth = 0;
  let isInString = false;
  for (let index = start; index < text.length; index++) {
    const char = text[index];
    if (isInString) {
      if (char === '\\') index++;
      else if (char === '"') isInString = false;
    } else if (char === '"') isInString = true;
    else if (char === '{') depth++;
    else if (char === '}' && --depth === 0) return index + 1;
  }
  throw new MarkerError('its JSON object is not closed');
}

function readJson(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch (error) {
    throw new MarkerError(`its JSON is not valid (${error instanceof Error ? error.message : ''})`);
  }
}

/** Refuses a marker that could have no effect where it stands. */
function checkPlace(marker: Marker, before: readonly Marker[]): void {
  const previous = before.at(-1)?.kind;
  const followsTool = previous === 'tool' || previous === 'also';
  if (marker.kind === 'also' && !followsTool) {
    throw new MarkerError('it must come directly after a tool marker');
  }
  if (marker.kind !== 'error_status') return;
  const answerStart = before.findLastIndex(
    ({ kind }) => kind === 'tool' || kind === 'also' || kind === 'stop',
  );
  const content = before.slice(answerStart + 1).find(({ kind }) => contentKinds.has(kind));
  if (content !== undefined)
    throw new MarkerError('an HTTP error must come before the content of its answer');
}

const contentKinds: ReadonlySet<Marker['kind']> = new Set(['say', 'think', 'text', 'error_stream', 'cut']);
