// What the CLI tells of the limits of an account (`rate_limit_event`; only with an OAuth token, 2.1.197).
import type { EventBodyOf } from '@holdfast/shared/protocol';
import { z } from 'zod';

export const RateLimit = z.looseObject({
  status: z.string(),
  rateLimitType: z.string().nullish(),
  /** Part of the limit that is used, 0 to 1 and more. */
  utilization: z.number().nullish(),
  /** Seconds since 1970. */
  resetsAt: z.number().nullish(),
  isUsingOverage: z.boolean().nullish(),
});

/** The notice for a state of the limits: which one, how much of it is used, when it begins anew (ms since 1970). */
export function rateLimitNotice(limit: z.infer<typeof RateLimit>): EventBodyOf<'notice'> {
  const { status, rateLimitType, utilization, resetsAt, isUsingOverage } = limit;
  const data = {
    status,
    limit: rateLimitType ?? null,
    percent: typeof utilization === 'number' ? Math.round(utilization * 100) : null,
    resetsAt: typeof resetsAt === 'number' ? Math.round(resetsAt * 1_000) : null,
    isUsingOverage: isUsingOverage ?? false,
  };
  return { type: 'notice', kind: 'rate_limit', text: sentence(data), data };
}

function sentence(limit: {
  readonly status: string;
  readonly limit: string | null;
  readonly percent: number | null;
  readonly resetsAt: number | null;
}): string {
  const name = limit.limit === null ? 'usage limit' : `${limit.limit.replaceAll('_', '-')} limit`;
  const reset = limit.resetsAt === null ? '' : ` It resets at ${minuteOf(limit.resetsAt)}.`;
  if (limit.status === 'rejected') return `The ${name} is reached.${reset}`;
  if (limit.percent === null) return `The ${name} is ${limit.status.replaceAll('_', ' ')}.${reset}`;
  return `${limit.percent} % of the ${name} is used.${reset}`;
}

/** `2026-11-22 14:35 UTC`; a time that no calendar has is given as it is. */
function minuteOf(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime())
    ? String(ms)
    : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
