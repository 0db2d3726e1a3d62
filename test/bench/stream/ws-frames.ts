// A minimal WebSocket client's frames (RFC 6455): reads what servers send unfragmented, writes small masked frames.
// Lean on purpose: the client shares the machine with what it measures.

const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameHandlers {
  onText(text: string): void;
  onPing(payload: Buffer): void;
  onClose(code: number): void;
}

/** Cuts chunks into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer, on: FrameHandlers): void {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const header = readHeader(data, at);
      if (header === undefined || data.length < header.end) break;
      deliver(header.opcode, data.subarray(header.start, header.end), on);
      at = header.end;
    }
    // A copy: a view would keep the whole chunk.
    this.#rest = at === data.length ? EMPTY : Buffer.from(data.subarray(at));
  }
}

const EMPTY = Buffer.alloc(0);

function readHeader(
  data: Buffer,
  at: number,
): { readonly opcode: number; readonly start: number; readonly end: number } | undefined {
  if (data.length < at + 2) return undefined;
  const opcode = data.readUInt8(at) & 0x0f;
  const short = data.readUInt8(at + 1) & 0x7f;
  if (short < 126) return { opcode, start: at + 2, end: at + 2 + short };
  const start = at + (short === 126 ? 4 : 10);
  if (data.length < start) return undefined;
  const length = short === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2));
  return { opcode, start, end: start + length };
}

function deliver(opcode: number, payload: Buffer, on: FrameHandlers): void {
  if (opcode === OPCODE.text || opcode === OPCODE.binary) on.onText(payload.toString('latin1'));
  else if (opcode === OPCODE.ping) on.onPing(Buffer.from(payload));
  else if (opcode === OPCODE.close) on.onClose(payload.length >= 2 ? payload.readUInt16BE(0) : 1005);
}

/** A text frame. The mask is zero: allowed, and the payload stays as it is. */
export function textFrame(text: string): Buffer {
  return frame(OPCODE.text, Buffer.from(text));
}

export function pongFrame(payload: Buffer): Buffer {
  return frame(OPCODE.pong, payload);
}

function frame(opcode: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(payload.length < 126 ? 6 : 8);
  head.writeUInt8(0x80 | opcode, 0);
  if (payload.length < 126) {
    head.writeUInt8(0x80 | payload.length, 1);
  } else {
    head.writeUInt8(0x80 | 126, 1);
    head.writeUInt16BE(payload.length, 2);
  }
  return Buffer.concat([head, payload]);
}
