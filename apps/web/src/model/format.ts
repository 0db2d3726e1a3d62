// Numbers and times as people read them.
import { strings } from '../strings.ts';

const MINUTE = 60_000;

export function ago(at: number, now: number): string {
  const minutes = Math.floor(Math.max(0, now - at) / MINUTE);
  if (minutes < 1) return strings.ago.now;
  if (minutes < 60) return strings.ago.minutes(minutes);
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? strings.ago.hours(hours) : strings.ago.days(Math.floor(hours / 24));
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export function tokens(count: number): string {
  return compact.format(count);
}

/** Small amounts keep two digits that say something. */
export function dollars(amount: number): string {
  if (amount === 0) return '$0.00';
  return amount < 0.01 ? `$${amount.toPrecision(2)}` : `$${amount.toFixed(2)}`;
}

export function clockTime(at: number): string {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

/** The last folder of a path. */
function baseName(path: string): string {
  return path.replace(/\/+$/, '').split('/').at(-1) ?? path;
}

/** The folder as a short name; one that was made for the session alone says so. */
export function folderName(cwd: string, sessionId: string): string {
  const name = baseName(cwd);
  return name === sessionId ? strings.ownFolder : name;
}
