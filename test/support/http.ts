// HTTP calls of conformance tests: status, headers and body as they came.
import { TEST_TOKEN } from './processes.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

export interface HttpCall {
  readonly method?: string;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly rawBody?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** null: no Authorization header. */
  readonly token?: string | null;
}

export async function http(url: string, call: HttpCall = {}): Promise<HttpAnswer> {
  const { method = 'GET', body, headers = {}, token = TEST_TOKEN } = call;
  const text = call.rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(text === undefined ? {} : { body: text }),
  });
  const answer = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return {
    status: response.status,
    headers: response.headers,
    text: answer,
    json: isJson ? (JSON.parse(answer) as Record<string, unknown>) : undefined, // tests compare its fields
  };
}
