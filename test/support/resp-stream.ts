// Cuts a stream of Redis replies into whole values, so that pushed messages can be told from answers.

const CR_LF = 2;
const BULK = new Set(['$', '!', '=']);
const AGGREGATE = new Set(['*', '~', '>', '%', '|']);

/** Gives back the whole values of what was pushed so far, as bytes; the rest waits for more. */
export class RespStream {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    const buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const values: Buffer[] = [];
    let start = 0;
    for (let end = endOfValue(buffer, start); end !== -1; end = endOfValue(buffer, start)) {
      values.push(buffer.subarray(start, end));
      start = end;
    }
    this.#rest = buffer.subarray(start);
    return values;
  }
}

/** Whether a whole value is a message of pub/sub: a RESP3 push, or the array that RESP2 has for it. */
export function isPubSubMessage(value: Buffer): boolean {
  const head = value.toString('latin1', 0, 40);
  return /^[>*]\d+\r\n\$\d+\r\n[sp]?message\r\n/.test(head);
}

/** Where the value that begins at `start` ends; -1 when it is not complete. */
function endOfValue(buffer: Buffer, start: number): number {
  const lineEnd = buffer.indexOf('\r\n', start);
  if (lineEnd === -1) return -1;
  const after = lineEnd + CR_LF;
  const type = String.fromCharCode(buffer[start] ?? 0);
  if (!BULK.has(type) && !AGGREGATE.has(type)) return after;
  const count = Number(buffer.toString('latin1', start + 1, lineEnd));
  if (BULK.has(type)) return endOfBulk(buffer, after, count);
  const parts = type === '%' || type === '|' ? 2 * count : count;
  let end = after;
  for (let index = 0; index < parts && end !== -1; index += 1) end = endOfValue(buffer, end);
  // An attribute belongs to the value that follows it.
  return type === '|' && end !== -1 ? endOfValue(buffer, end) : end;
}

function endOfBulk(buffer: Buffer, start: number, length: number): number {
  if (length < 0) return start;
  const end = start + length + CR_LF;
  return end <= buffer.length ? end : -1;
}
