import { z } from 'zod';
import { errorCatalogue, type ErrorCode } from './error-codes.ts';

/** An error with a code of the catalogue; `details` is shown to the peer, `cause` never is. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    options: {
      readonly message?: string;
      readonly details?: Readonly<Record<string, unknown>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(options.message ?? errorCatalogue[code].message, { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  get retryable(): boolean {
    return errorCatalogue[this.code].retryable;
  }
}

export const WireError = z.object({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type WireError = z.infer<typeof WireError>;

/** The error as peers see it: never a stack, never a cause; anything unexpected is `internal`. */
export function toWireError(error: unknown): WireError {
  const known = error instanceof ServiceError ? error : new ServiceError('internal');
  const details = Object.keys(known.details).length > 0 ? { details: { ...known.details } } : {};
  return { code: known.code, message: known.message, retryable: known.retryable, ...details };
}
