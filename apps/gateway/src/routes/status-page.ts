// The status page: what a browser shows where the web client was not built. No script at all.
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { SessionSummary } from '@holdfast/shared/protocol';
import type { Authenticator } from '../auth/identity.ts';
import type { PageFiles } from '../page/page-files.ts';
import { addPageRoutes } from '../page/page-routes.ts';
import type { SessionService } from '../sessions/session-service.ts';
import { visitorOf } from './request-context.ts';

export interface StatusPageDeps {
  readonly sessions: SessionService;
  readonly authenticator: Authenticator;
  readonly page: PageFiles;
}

/** `/` and the web client's files. */
export function addPages(app: FastifyInstance, { sessions, authenticator, page }: StatusPageDeps): void {
  addPageRoutes(app, {
    files: page,
    fallback: async (request, reply) => {
      const caller = await visitorOf(request, authenticator);
      return sendPage(
        reply,
        caller === undefined ? loggedOut() : loggedIn(await sessions.list(caller, false)),
      );
    },
  });
}

/** The answer to a login link that is not valid. */
export function sendLoginFailed(reply: FastifyReply): FastifyReply {
  return sendPage(reply, loginFailed());
}

function sendPage(reply: FastifyReply, body: string): FastifyReply {
  return reply
    .header(
      'content-security-policy',
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    )
    .header('x-content-type-options', 'nosniff')
    .header('referrer-policy', 'no-referrer')
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(page(body));
}

function page(body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Holdfast</title><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
code,pre{font:14px/1.5 ui-monospace,monospace}pre{padding:.75rem;border:1px solid #8886;border-radius:.4rem;overflow:auto}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #8886}
</style></head><body>
<h1>Holdfast</h1>
<p>Keeps coding-agent sessions alive: this is the gateway, and it is running.</p>
${body}
</body></html>
`;
}

function loggedOut(): string {
  return `<p>To see your sessions here, get a login link with this command in the checkout, and open it:</p>
<pre>npx --no-install holdfast login-link</pre>`;
}

function loginFailed(): string {
  return `<p>This login link is not valid (any more). Get a new one:</p>
<pre>npx --no-install holdfast login-link</pre>`;
}

function loggedIn(sessions: readonly SessionSummary[]): string {
  const rows = sessions.map(
    (session) =>
      `<tr><td>${escapeHtml(session.title ?? '(no title yet)')}</td><td>${escapeHtml(session.status)}</td>` +
      `<td><code>${escapeHtml(session.cwd)}</code></td><td><code>${escapeHtml(session.sessionId)}</code></td></tr>`,
  );
  const list =
    rows.length === 0
      ? '<p>There are no sessions yet.</p>'
      : `<table><thead><tr><th>Title</th><th>Status</th><th>Folder</th><th>Id</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  return `<h2>Sessions</h2>${list}
<h2>Next steps</h2>
<pre>npx --no-install holdfast new --prompt "What is in this folder?"
npx --no-install holdfast ls
npx --no-install holdfast attach &lt;session id&gt;
npx --no-install holdfast send &lt;session id&gt; "And now?"</pre>`;
}

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => HTML_ESCAPES[character] ?? character);
}
