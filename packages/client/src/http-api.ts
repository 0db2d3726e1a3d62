// The HTTP half of the API: what needs no connection that stays. Also usable alone, from scripts.
import {
  CreateId,
  mintId,
  SessionEvent,
  SessionId,
  SessionSummary,
  SessionView,
  Upload,
  SharedRole,
  UserId,
  WireError,
  WorkerId,
  type SessionChanges,
  type SessionSettingsInput,
} from '@holdfast/shared/protocol';
import { z } from 'zod';
import { HoldfastError, localError } from './errors.ts';
import { asUnknown } from './frames.ts';
import { sendPatiently } from './http-retry.ts';

export interface HttpApiOptions {
  /** Address of the gateway: `http://host:port`, a path prefix is kept. */
  readonly url: string;
  readonly token?: string | undefined;
  /** For each call; default 30 s. */
  readonly deadlineMs?: number;
  readonly fetch?: typeof globalThis.fetch;
}

export interface CreateOptions {
  /** Made by the client when absent; the same id gives the same session. */
  readonly createId?: string;
  /** A folder under a workspace root; without it the gateway makes one. */
  readonly cwd?: string;
  readonly title?: string;
  readonly settings?: SessionSettingsInput;
}

export const SessionDetails = z.object({
  session: SessionSummary,
  view: SessionView,
  owner: z.object({ workerId: WorkerId.nullable(), alive: z.boolean() }),
  inbox: z.object({ unread: z.number() }),
});
export type SessionDetails = z.infer<typeof SessionDetails>;

export interface HistoryPage {
  /** Completed things only, ascending. */
  readonly events: readonly SessionEvent[];
  /** The offset to give as `before` for the page in front of this one; null when the page is empty. */
  readonly first: number | null;
  readonly more: boolean;
}

/** A rule that the user always allows in one folder; `at` in ms since 1970. */
export const AlwaysRule = z.object({
  cwd: z.string(),
  rule: z.string(),
  at: z.number(),
  sessionId: SessionId.nullable(),
});
export type AlwaysRule = z.infer<typeof AlwaysRule>;

/** A key of a program; times in ms since 1970. */
export const ApiKey = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  createdAt: z.number(),
  expiresAt: z.number().nullable(),
});
export type ApiKey = z.infer<typeof ApiKey>;

/** One thing that somebody did; `at` in ms since 1970. */
export const AuditLine = z.object({
  id: z.string(),
  at: z.number(),
  userId: z.string(),
  action: z.string(),
  sessionId: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
});
export type AuditLine = z.infer<typeof AuditLine>;

const KeyList = z.object({ keys: z.array(ApiKey) });
const NewKey = ApiKey.extend({ key: z.string() });
const RoleList = z.object({ roles: z.array(z.object({ userId: UserId, role: SharedRole })) });
const RuleList = z.object({ rules: z.array(AlwaysRule) });
const SessionList = z.object({ sessions: z.array(SessionSummary) });
const Created = z.object({ sessionId: SessionId, duplicate: z.boolean() });
const History = z.object({ events: z.array(z.unknown()), first: z.int().nullable(), more: z.boolean() });
const Failure = z.object({ error: WireError, requestId: z.string().optional() });

export class HttpApi {
  #options: HttpApiOptions;

  constructor(options: HttpApiOptions) {
    this.#options = options;
  }

  /** The user's sessions, newest first: those that were put away, or (default) all others. */
  async list(options: { readonly archived?: boolean } = {}): Promise<readonly SessionSummary[]> {
    const path = options.archived === true ? '/v1/sessions?archived=true' : '/v1/sessions';
    return (await this.#call(SessionList, { path })).sessions;
  }

  async create(options: CreateOptions = {}): Promise<z.infer<typeof Created>> {
    const body = { ...options, createId: CreateId.parse(options.createId ?? mintId()) };
    return this.#call(Created, { method: 'POST', path: '/v1/sessions', body });
  }

  async inspect(sessionId: string): Promise<SessionDetails> {
    return this.#call(SessionDetails, { path: pathOf(sessionId) });
  }

  /** Changes a session: its title, whether it is put away, its settings. What is left out stays as it is. */
  async set(sessionId: string, changes: SessionChanges): Promise<void> {
    await this.#fetch({ method: 'PATCH', path: pathOf(sessionId), body: changes });
  }

  async delete(sessionId: string): Promise<void> {
    await this.#fetch({ method: 'DELETE', path: pathOf(sessionId) });
  }

  /** A page of completed messages before an offset; without `before` the last ones. `limit` at most 200. */
  async history(
    sessionId: string,
    page: { readonly before?: number; readonly limit?: number } = {},
  ): Promise<HistoryPage> {
    const query = new URLSearchParams();
    if (page.before !== undefined) query.set('before', String(page.before));
    if (page.limit !== undefined) query.set('limit', String(page.limit));
    const path = `${pathOf(sessionId)}/history?${query.toString()}`;
    const { events, ...rest } = await this.#call(History, { path });
    return { ...rest, events: events.flatMap(readEvent) };
  }

  /** The rules that the user always allows, for all folders. */
  async rules(): Promise<readonly AlwaysRule[]> {
    return (await this.#call(RuleList, { path: '/v1/rules' })).rules;
  }

  /** Takes a rule back. Agents that run keep it until they are started anew. Rejects with `rule_not_found`. */
  async removeRule(rule: Pick<AlwaysRule, 'cwd' | 'rule'>): Promise<void> {
    const body = { cwd: rule.cwd, rule: rule.rule };
    await this.#fetch({ method: 'DELETE', path: '/v1/rules', body });
  }

  /** Who did what, oldest first, after the entry with this id; a page of it. For operators. */
  async audit(after?: string): Promise<readonly AuditLine[]> {
    const path = after === undefined ? '/v1/audit' : `/v1/audit?after=${after}`;
    const text = await this.#fetchText({ path });
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => AuditLine.parse(tryJson(line)));
  }

  /** The token of all further calls. */
  useToken(token: string | undefined): void {
    this.#options = { ...this.#options, token };
  }

  async keys(): Promise<readonly ApiKey[]> {
    return (await this.#call(KeyList, { path: '/v1/keys' })).keys;
  }

  /** Makes an API key; `key` is what logs in, and can't be asked for again. */
  async createKey(wanted: {
    readonly name: string;
    readonly scopes: readonly string[];
    readonly expiresInDays?: number;
  }): Promise<ApiKey & { readonly key: string }> {
    return this.#call(NewKey, { method: 'POST', path: '/v1/keys', body: wanted });
  }

  /** Rejects with `key_not_found`. */
  async revokeKey(id: string): Promise<void> {
    await this.#fetch({ method: 'DELETE', path: `/v1/keys/${encodeURIComponent(id)}` });
  }

  /** With whom the session is shared. For its owner alone. */
  async roles(sessionId: string): Promise<readonly { readonly userId: UserId; readonly role: SharedRole }[]> {
    return (await this.#call(RoleList, { path: `${pathOf(sessionId)}/roles` })).roles;
  }

  /**
   * Uploads a file for a prompt of the session, which takes it by its id: `{type: 'file', uploadId}`. What it is, is
   * told by its bytes. One that no prompt takes is gone after 15 minutes.
   */
  async upload(
    sessionId: string,
    file: { readonly name?: string; readonly data: Uint8Array<ArrayBuffer> | Blob },
  ): Promise<Upload> {
    const name = file.name === undefined ? '' : `?name=${encodeURIComponent(file.name)}`;
    const path = `${pathOf(sessionId)}/blobs${name}`;
    return this.#call(Upload, { method: 'POST', path, bytes: file.data });
  }

  async #call<T>(schema: z.ZodType<T>, request: HttpRequest): Promise<T> {
    const body = await this.#fetch(request);
    const parsed = schema.safeParse(body);
    if (!parsed.success) throw localError('bad_response', parsed.error);
    return parsed.data;
  }

  /** The body as JSON; undefined where there is none. Rejects with {@link HoldfastError}. */
  async #fetch(request: HttpRequest): Promise<unknown> {
    const text = await this.#fetchText(request);
    return text === '' ? undefined : tryJson(text);
  }

  async #fetchText(request: HttpRequest): Promise<string> {
    const isRemoval = request.method === 'DELETE';
    const text = await sendPatiently(async () => this.#send(request), { isRemoval });
    return typeof text === 'string' ? text : '';
  }

  async #send({ method = 'GET', path, body, bytes }: HttpRequest): Promise<string> {
    const { url, token, fetch = globalThis.fetch, deadlineMs = 30_000 } = this.#options;
    const headers: Record<string, string> = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(bytes === undefined ? {} : { 'content-type': 'application/octet-stream' }),
    };
    const response = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(deadlineMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(bytes === undefined ? {} : { body: bytes }),
    }).catch((error: unknown) => {
      throw localError(isTimeout(error) ? 'deadline_exceeded' : 'unreachable', error);
    });
    const text = await response.text().catch((error: unknown) => {
      throw localError('unreachable', error);
    });
    if (response.ok) return text;
    const failure = Failure.safeParse(tryJson(text));
    if (failure.success) throw new HoldfastError(failure.data.error);
    throw localError(response.status >= 500 ? 'unreachable' : 'bad_response');
  }
}

interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly bytes?: Uint8Array<ArrayBuffer> | Blob;
}

function pathOf(sessionId: string): string {
  return `/v1/sessions/${encodeURIComponent(sessionId)}`;
}

function readEvent(value: unknown): SessionEvent[] {
  const parsed = SessionEvent.safeParse(value);
  const event = parsed.success ? parsed.data : asUnknown(value);
  return event === undefined ? [] : [event];
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
