// The CLI's `system` messages: which are signals for the session, which are notices for people, which are noise.
import type { EventBody, EventBodyOf, TurnId } from '@holdfast/shared/protocol';
import type { CliMessageOf } from './cli-messages.ts';
import type { Mapped } from './event-mapper.ts';

type SystemMessage = CliMessageOf<'system'>;

/** Subtypes that say nothing a person needs and nothing the session acts on. */
const NOISE: ReadonlySet<string> = new Set([
  'thinking_tokens',
  'hook_started',
  'hook_progress',
  'task_progress',
]);

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
      return message['status'] === 'compacting'
        ? one(notice('compaction', 'Compacting the conversation…', {}))
        : none();
    case 'compact_boundary':
      return one(
        notice('compaction', 'The conversation was compacted.', { metadata: message['compact_metadata'] }),
      );
    case 'hook_response':
      return hookResponse(message);
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
      return one({ type: 'unknown', turnId, source: `system/${message.subtype}`, raw: message });
  }
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

function hookResponse(message: SystemMessage): Mapped {
  const output = textOf(message['output']) ?? textOf(message['stdout']) ?? '';
  const failed =
    message['outcome'] === 'error' ||
    (typeof message['exit_code'] === 'number' && message['exit_code'] !== 0);
  if (output.trim() === '' && !failed) return none();
  const name = textOf(message['hook_name']) ?? textOf(message['hook_event']) ?? 'A hook';
  return one(
    notice('hook', `${name}: ${output.trim().slice(0, 2_000) || 'failed'}`, {
      exitCode: message['exit_code'],
    }),
  );
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
