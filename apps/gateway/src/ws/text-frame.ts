// A WebSocket text frame as it is on the wire (RFC 6455 5.2), built once for all sockets that get the same events.

const FIN_TEXT = 0x81;

/** The unmasked, unfragmented frame whose payload is `parts` one after the other: UTF-8 text. */
export function textFrame(parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const start = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(start + length);
  frame.writeUInt8(FIN_TEXT, 0);
  if (start === 2) {
    frame.writeUInt8(length, 1);
  } else if (start === 4) {
    frame.writeUInt8(126, 1);
    frame.writeUInt16BE(length, 2);
  } else {
    frame.writeUInt8(127, 1);
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  let at = start;
  for (const part of parts) at += part.copy(frame, at);
  return frame;
}
