// The one error class of the client: answers of the service, and what goes wrong on the way to it.
import { errorCatalogue, type ErrorCode, type WireError } from '@holdfast/shared/protocol';

/** What the client itself can report, beside the catalogue of the protocol. */
const localErrors = {
  client_closed: { message: 'This client was closed.', retryable: false },
  connection_lost: {
    message: 'The connection was lost before the service answered; it may or may not have acted.',
    retryable: true,
  },
  deadline_exceeded: { message: 'The service did not answer in time.', retryable: true },
  unreachable: { message: 'The service can not be reached.', retryable: true },
  bad_response: {
    message: 'The service answered with something this client does not understand.',
    retryable: false,
  },
} as const;

export type LocalErrorCode = keyof typeof localErrors;

/** A code of the catalogue, of the client, or of a newer service (any other string). */
export type HoldfastErrorCode = ErrorCode | LocalErrorCode | (string & {});

/** Thrown by every call of the client. Branch on `code`; the message is a sentence for people. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  readonly code: HoldfastErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(error: WireError, cause?: unknown) {
    super(error.message, { cause });
    this.code = error.code;
    this.retryable = error.retryable;
    this.details = error.details ?? {};
  }
}

export function localError(code: LocalErrorCode, cause?: unknown): HoldfastError {
  return new HoldfastError({ code, ...localErrors[code] }, cause);
}

/** An error of the catalogue that the client noticed before the service could. */
export function catalogueError(code: ErrorCode): HoldfastError {
  const { message, retryable } = errorCatalogue[code];
  return new HoldfastError({ code, message, retryable });
}

/** The catalogue's code for a WebSocket close code, when that one ends the connection for good. */
export function finalCloseCode(closeCode: number): ErrorCode | undefined {
  const found = Object.entries(errorCatalogue).find(
    ([, entry]) => entry.closeCode === closeCode && !entry.retryable,
  );
  return found?.[0] as ErrorCode | undefined; // keys of the catalogue
}

/** The error every call and reader gets when the connection ended for good with this code. */
export function finalError(code: string): HoldfastError {
  return Object.hasOwn(errorCatalogue, code)
    ? catalogueError(code as ErrorCode) // just checked to be a key
    : localError('client_closed');
}
