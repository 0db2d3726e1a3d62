import type { SessionEvent } from '@holdfast/shared/protocol';

/** One value as one line. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** An event as one line, with the epoch its offset belongs to: what says what it is comes first. */
export function eventLine(event: SessionEvent, epoch: string): string {
  const { type, offset, ...rest } = event;
  return jsonLine({ type, epoch, offset, ...rest });
}
