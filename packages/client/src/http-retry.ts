// HTTP calls that meet a gateway on its way out are sent again: another one answers, or the same one started anew.
// Only for calls that may be repeated: those that read, and those that name what they are about by an id.
import { HoldfastError } from './errors.ts';

/** Before each further try, at most. A service that is not there at all is reported after less than their sum. */
const PAUSES_MS = [100, 250, 500] as const;

/**
 * Sends until something other than "not here" is answered. A removal that is told that there is nothing to remove,
 * after an earlier try whose outcome is unknown, has done its work.
 */
export async function sendPatiently(
  send: () => Promise<unknown>,
  options: { readonly isRemoval: boolean },
): Promise<unknown> {
  let isUnclear = false;
  for (const pauseMs of [...PAUSES_MS, null]) {
    try {
      return await send();
    } catch (error) {
      if (isUnclear && options.isRemoval && isNotFound(error)) return undefined;
      if (pauseMs === null || !isPassing(error)) throw error;
      isUnclear ||= error.code === 'unreachable';
      await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random() / 2)));
    }
  }
  return undefined;
}

function isPassing(error: unknown): error is HoldfastError {
  return error instanceof HoldfastError && (error.code === 'unreachable' || error.code === 'going_away');
}

function isNotFound(error: unknown): boolean {
  return error instanceof HoldfastError && error.code.endsWith('_not_found');
}
