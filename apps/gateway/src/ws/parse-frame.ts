// Text of a client -> a frame, or the error of the catalogue that says what is wrong with it.
import {
  CLIENT_FRAME_TYPES,
  ClientFrame,
  RequestId,
  ServiceError,
  type RequestId as RequestIdType,
} from '@holdfast/shared/protocol';
import type { z } from 'zod';

export type ParsedFrame =
  | { readonly ok: true; readonly frame: ClientFrame }
  /** `requestId` when at least that could be read: the answer carries it. */
  | { readonly ok: false; readonly error: ServiceError; readonly requestId: RequestIdType | undefined };

export function parseFrame(text: string): ParsedFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, error: new ServiceError('bad_json'), requestId: undefined };
  }
  const parsed = ClientFrame.safeParse(value);
  if (parsed.success) return { ok: true, frame: parsed.data };
  const requestId = RequestId.safeParse(fieldOf(value, 'requestId')).data;
  const type = fieldOf(value, 'type');
  const isKnown = CLIENT_FRAME_TYPES.some((known) => known === type);
  const error =
    typeof type === 'string' && !isKnown ? new ServiceError('unknown_frame') : requestError(parsed.error);
  return { ok: false, error, requestId };
}

/** The most telling error for input that does not match its schema; shared by frames and HTTP bodies. */
export function requestError(error: z.ZodError): ServiceError {
  const issues = error.issues.slice(0, 5).map((issue) => ({
    path: issue.path.join('.'),
    message: issue.message,
  }));
  const first = error.issues[0];
  const field = first?.path[0];
  if (first !== undefined && field === 'content' && first.code === 'too_big') {
    return new ServiceError('prompt_too_large');
  }
  if (first !== undefined && field === 'content' && first.code === 'too_small') {
    return new ServiceError('prompt_empty');
  }
  if (field === 'decision') return new ServiceError('decision_invalid', { details: { issues } });
  if (field === 'position') return new ServiceError('bad_position');
  // A text that is no session id names no session: the answer is that of any unknown session.
  if (field === 'sessionId' && first?.code === 'invalid_format') return new ServiceError('session_not_found');
  return new ServiceError('bad_request', { details: { issues } });
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value
    ? (value as Record<string, unknown>)[name] // just checked to be an object with this field
    : undefined;
}
