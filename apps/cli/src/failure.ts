// What goes wrong, as one line that says what to do.
import { HoldfastError } from '@holdfast/client';
import type { Address } from './address.ts';
import { oneLine } from './render/style.ts';

/** A failure whose message is the line to print. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly code = 'cli_failure';
}

/** The line for anything thrown; `address` undefined where none was found yet. */
export function failureLine(error: unknown, address: Address | undefined): string {
  if (error instanceof CliFailure) return error.message;
  if (error instanceof HoldfastError) return oneLine(serviceLine(error, address), 1_000);
  const what = error instanceof Error ? error.message : String(error);
  return oneLine(`Something unexpected went wrong: ${what}`, 1_000);
}

type Line = (error: HoldfastError, address: { readonly url: string; readonly isLocal: boolean }) => string;

/** Codes whose own sentence does not say what to do from here. */
const lines: Readonly<Record<string, Line>> = {
  unreachable: (_error, { url, isLocal }) =>
    isLocal
      ? `Holdfast is not running here (nothing answers at ${url}): start it with "npm run up"`
      : `Nothing answers at ${url}: check HOLDFAST_URL, or start the gateway`,
  deadline_exceeded: (_error, { url }) =>
    `The gateway at ${url} did not answer in time: try again, or look at its log`,
  unauthenticated: (_error, { url, isLocal }) =>
    isLocal
      ? `The gateway at ${url} does not take the token of this checkout: is it another one that runs there?`
      : `The gateway at ${url} does not take this token: check HOLDFAST_TOKEN`,
  bad_response: (_error, { url }) =>
    `What answers at ${url} is not Holdfast, or of another version: check the address`,
  session_not_found: (error) => `${error.message} "holdfast ls" lists yours`,
};

function serviceLine(error: HoldfastError, address: Address | undefined): string {
  const line = Object.hasOwn(lines, error.code) ? lines[error.code] : undefined;
  return line?.(error, address ?? { url: 'the gateway', isLocal: false }) ?? error.message;
}
