// The CLI's `system` messages: which are signals for the session, which are notices for people, which are noise.
import type { EventBody, EventBodyOf, TurnId } from '@holdfast/shared/protocol';
import { z } from 'zod';
import type { CliMessageOf } from './cli-messages.ts';
import type { Mapped } from './event-mapper.ts';
import { hookEvents } from './hook-events.ts';

type SystemMessage = CliMessageOf<'system'>;

export const CompactMetadata = z.looseObject({
  trigger: z.string().nullish(),
  pre_tokens: z.number().nullish(),
  post_tokens: z.number().nullish(),
  duration_ms: z.number().nullish(),
});

/** Subtypes that say nothing a person needs and nothing the session acts on. */
const NOISE: ReadonlySet<string> = new Set(['thinking_tokens', 'hook_progress', 'task_progress']);

export function systemEvents(message: SystemMessage, turnId: TurnId | null): Mapped {
  switch (message.subtype) {
    case 'init':
      return {
        events: [],
        signals: [
          {
            kind: 'turn_began',
            cliSessionId: message.session_id,
            cliVersion: textOf(message['claude_code_version']),
          },
        ],
      };
    case 'session_state_changed':
      return { events: [], signals: [{ kind: 'state', state: message.state ?? '' }] };
    case 'api_retry':
      return retry(message);
    case 'status':
      return status(message);
    case 'compact_boundary':
      return one(compacted(message['compact_metadata']));
    case 'hook_started':
    case 'hook_response':
      return { events: hookEvents(message, turnId) ?? [unknown(message, turnId)], signals: [] };
    case 'notification':
      return one(notice('info', textOf(message['text']) ?? 'The CLI says something.', message));
    case 'model_refusal_no_fallback':
      return one(refusal(message));
    case 'informational':
      return one(
        notice(
          'info',
          textOf(message['content']) ?? textOf(message['message']) ?? 'The CLI says something.',
          message,
        ),
      );
    case 'permission_denied':
      return one(notice('permission', `A rule denied ${textOf(message['tool_name']) ?? 'a tool'}.`, message));
    default:
      if (NOISE.has(message.subtype)) return none();
      return one(unknown(message, turnId));
  }
}

function unknown(message: SystemMessage, turnId: TurnId | null): EventBody {
  return { type: 'unknown', turnId, source: `system/${message.subtype}`, raw: message };
}

function status(message: SystemMessage): Mapped {
  if (message['status'] === 'compacting') {
    return one(notice('compaction', 'Compacting the conversation…', { phase: 'started' }));
  }
  const result = textOf(message['compact_result']);
  if (result === undefined || result === 'success') return none();
  const why = textOf(message['compact_error']);
  const text = `The conversation could not be compacted${why === undefined ? '' : `: ${why}`}.`;
  return one(notice('compaction', text, { phase: 'failed', result }));
}

/** The boundary: what came before is a summary for the model from here on. */
function compacted(metadata: unknown): EventBody {
  const told = CompactMetadata.safeParse(metadata).data ?? {};
  const data = {
    phase: 'done',
    trigger: told.trigger ?? null,
    preTokens: told.pre_tokens ?? null,
    postTokens: told.post_tokens ?? null,
    durationMs: told.duration_ms ?? null,
  };
  const sizes = `${data.preTokens ?? '?'} tokens became ${data.postTokens ?? '?'}`;
  return notice('compaction', `The conversation was compacted: ${sizes}.`, data);
}

function refusal(message: SystemMessage): EventBody {
  const category = textOf(message['api_refusal_category']) ?? null;
  const explanation = textOf(message['api_refusal_explanation']) ?? null;
  const text = `The model refused to answer${explanation === null ? '' : `: ${explanation}`}.`;
  return notice('warning', text, { refusal: { category, explanation } });
}

function retry(message: SystemMessage): Mapped {
  const status = typeof message['error_status'] === 'number' ? message['error_status'] : null;
  const delayMs = typeof message['retry_delay_ms'] === 'number' ? Math.round(message['retry_delay_ms']) : 0;
  const event = notice(
    'retry',
    `The model's API answered ${status ?? 'nothing'}; retry ${String(message['attempt'])} in ${(delayMs / 1000).toFixed(1)} s.`,
    {
      attempt: message['attempt'],
      maxRetries: message['max_retries'],
      delayMs,
      status,
      error: message['error'],
    },
  );
  const refused = status === 401 || status === 403;
  return { events: [event], signals: refused ? [{ kind: 'credentials_refused', status }] : [] };
}

function notice(
  kind: EventBodyOf<'notice'>['kind'],
  text: string,
  data: Record<string, unknown>,
): EventBodyOf<'notice'> {
  return { type: 'notice', kind, text, data };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function one(event: EventBody): Mapped {
  return { events: [event], signals: [] };
}

function none(): Mapped {
  return { events: [], signals: [] };
}
