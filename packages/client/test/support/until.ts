/** Polls until `check` gives something other than undefined or false; fails after `limitMs`. */
export async function until<T>(
  check: () => T | undefined | false,
  options: { readonly what: string; readonly limitMs?: number },
): Promise<T> {
  const deadline = performance.now() + (options.limitMs ?? 5_000);
  for (;;) {
    const value = check();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`did not happen in time: ${options.what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
