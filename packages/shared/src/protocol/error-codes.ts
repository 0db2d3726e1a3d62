// The catalogue of errors that cross the wire. Clients branch on `code` alone; the sentence is for people.

interface CatalogueEntry {
  readonly httpStatus: number;
  /** WebSocket close code when this error ends the connection; null: the connection survives it. */
  readonly closeCode: number | null;
  /** Whether sending the same again later may succeed. */
  readonly retryable: boolean;
  readonly message: string;
}

const entry = (
  httpStatus: number,
  message: string,
  more: { closeCode?: number; retryable?: boolean } = {},
): CatalogueEntry => ({
  httpStatus,
  closeCode: more.closeCode ?? null,
  retryable: more.retryable ?? false,
  message,
});

export const errorCatalogue = {
  bad_json: entry(400, 'This is not valid JSON.'),
  bad_request: entry(400, 'The request has a field that is missing or wrong.'),
  unknown_frame: entry(400, 'There is no frame of this type in protocol version 1.'),
  binary_frame: entry(400, 'Frames are JSON text; binary frames are not accepted.'),
  hello_expected: entry(400, 'The first frame must be hello.', { closeCode: 4400 }),
  hello_repeated: entry(400, 'hello was sent already on this connection.'),
  hello_late: entry(408, 'No hello arrived in time.', { closeCode: 4408, retryable: true }),
  unsupported_version: entry(400, 'This protocol version is not supported; the service speaks version 1.', {
    closeCode: 4406,
  }),
  frame_too_large: entry(413, 'The frame is larger than the service accepts.', { closeCode: 1009 }),
  unauthenticated: entry(401, 'The access token is missing or not valid.', { closeCode: 4401 }),
  refresh_refused: entry(401, 'This access token is not valid, or is of another user; the one in use stays.'),
  identity_unavailable: entry(503, 'The identity provider can not be reached right now; try again.', {
    retryable: true,
  }),
  origin_refused: entry(403, 'This page may not connect to Holdfast (its origin is not allowed).'),
  not_found: entry(404, 'There is nothing at this address.'),
  session_not_found: entry(404, 'There is no such session, or it is not yours.'),
  not_permitted: entry(403, 'Your role in this session, or the scope of your key, does not allow this.'),
  share_refused: entry(409, 'The session can not be shared so.'),
  prompt_empty: entry(400, 'The prompt has no text.'),
  prompt_too_large: entry(413, 'The prompt is longer than the service accepts.'),
  prompt_busy: entry(409, 'The session is busy and the prompt asked not to wait.', { retryable: true }),
  prompt_not_queued: entry(409, 'This prompt is not waiting in the queue (any more).'),
  queue_full: entry(409, 'The queue of this session is full; wait for a turn to end or cancel a prompt.', {
    retryable: true,
  }),
  approval_not_found: entry(404, 'There is no such approval in this session.'),
  approval_resolved: entry(409, 'This approval has been decided already.'),
  approval_expired: entry(409, 'This approval has expired; the tool did not run.'),
  approval_lost: entry(
    409,
    'The agent that asked is gone; the tool did not run. Send the prompt again to retry.',
  ),
  approval_cancelled: entry(409, 'The agent does not wait for this approval any more; the tool did not run.'),
  approval_changed: entry(409, 'The decision is about another input than the one that is asked.'),
  decision_invalid: entry(400, 'This decision does not fit what is asked.'),
  key_not_found: entry(404, 'There is no such key.'),
  limit_reached: entry(429, 'You have as many of these as one user may have.', { retryable: true }),
  too_many_connections: entry(429, 'You have as many connections as one user may have.', {
    closeCode: 4429,
    retryable: true,
  }),
  rule_not_found: entry(404, 'There is no such rule.'),
  decision_too_large: entry(413, 'The decision is larger than the service accepts.'),
  upload_empty: entry(400, 'The file is empty.'),
  upload_too_large: entry(413, 'The file is larger than the service accepts.'),
  upload_type_refused: entry(415, 'The file is no image, PDF or text, or it is broken.'),
  upload_missing: entry(409, 'A file of the prompt is gone, or belongs to another prompt: upload it again.'),
  too_many_uploads: entry(409, 'The prompt has too many files, or too many wait for their prompts.'),
  cwd_not_allowed: entry(400, 'The working directory is not under an allowed workspace root.'),
  cwd_missing: entry(400, 'The working directory does not exist or is not a folder.'),
  bad_position: entry(400, 'The position is not of the form {epoch, offset}.'),
  already_attached: entry(409, 'This connection is attached to the session already.'),
  not_attached: entry(409, 'This connection is not attached to the session.'),
  too_many_attached: entry(429, 'This connection is attached to too many sessions.'),
  rate_limited: entry(429, 'Too many requests; slow down.', { retryable: true }),
  slow_consumer: entry(
    408,
    'The connection could not keep up; reconnect and resume from the last position.',
    {
      closeCode: 4008,
      retryable: true,
    },
  ),
  going_away: entry(503, 'This gateway is stopping; reconnect and resume.', {
    closeCode: 1012,
    retryable: true,
  }),
  heartbeat_lost: entry(408, 'Nothing was heard from the other side in time.', {
    closeCode: 4009,
    retryable: true,
  }),
  storage_unavailable: entry(503, 'The storage can not be reached right now; try again.', {
    retryable: true,
  }),
  storage_full: entry(507, 'The storage is full; nothing new can be accepted until space is freed.', {
    retryable: true,
  }),
  internal: entry(500, 'Something went wrong inside the service.', { retryable: true }),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;
