import { setTimeout as pause } from 'node:timers/promises';

/**
 * Polls until `check` gives a truthy value, and returns it. Throws when `limitMs` (10 s by default) is over,
 * naming what was waited for.
 */
export async function until<T>(
  check: () => T | Promise<T>,
  options: { readonly what: string; readonly limitMs?: number },
): Promise<NonNullable<T>> {
  const deadline = performance.now() + (options.limitMs ?? 10_000);
  for (;;) {
    const value = await check();
    if (value !== null && value !== undefined && value !== false) return value; // just checked
    if (performance.now() > deadline) throw new Error(`waited in vain for ${options.what}`);
    await pause(10);
  }
}
