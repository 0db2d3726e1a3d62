/** Thrown when an awaited thing did not settle in time. `what` names the thing, for the reader of a log. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  readonly code = 'deadline_exceeded';
  readonly what: string;
  readonly limitMs: number;

  constructor(what: string, limitMs: number) {
    super(`${what} took longer than ${limitMs} ms`);
    this.what = what;
    this.limitMs = limitMs;
  }
}

/**
 * Awaits `promise` for at most `limitMs`; rejects with {@link DeadlineError} after that.
 * The promise itself is not cancelled: the caller decides what its late result means.
 */
export async function withDeadline<T>(
  promise: Promise<T>,
  options: { readonly limitMs: number; readonly what: string },
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(options.what, options.limitMs)), options.limitMs);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
