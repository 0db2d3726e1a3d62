// Every bar that a benchmark is held against, in one table: what a metric must be, on a machine with two cores
// that runs Redis, worker, gateway and load generator together.

export type Bar = { readonly atMost: number } | { readonly atLeast: number };

/**
 * "limit" is bare ws + Redis pub/sub without durability in the same run. A metric without a bar is printed for
 * what it tells, and can't miss.
 */
export const BARS: Readonly<Record<string, Bar>> = {
  // bench:turn
  warm_over_bare: { atMost: 1.25 },
  spawn_over_warm: { atLeast: 10 },
  // bench:stream
  p50_over_limit: { atMost: 1.3 },
  p99_over_limit: { atMost: 2 },
  cpu_over_limit: { atMost: 1.35 },
  saturated_over_limit: { atLeast: 1.25 },
  live_10k_p50_ms: { atMost: 1 },
  live_10k_p99_ms: { atMost: 15 },
  p50_10k_over_1k: { atMost: 1.25 },
  cpu_10k_over_1k: { atMost: 1.25 },
  storm_over_upgrades: { atMost: 2.5 },
  conn_idle_kib: { atMost: 12 },
  resume_per_s: { atLeast: 2_000 },
  session_idle_redis_bytes: { atMost: 10 * 1024 },
  lost: { atMost: 0 },
  duplicated: { atMost: 0 },
  // bench:ownership
  takeover_kill_p95_ms: { atMost: 5_000 },
  takeover_hang_p95_ms: { atMost: 13_000 },
  abort_ended_p50_ms: { atMost: 50 },
  abort_quiet_max_ms: { atMost: 1_000 },
  command_stdin_p50_ms: { atMost: 2 },
  command_stdin_p99_ms: { atMost: 15 },
  opened_first_event_p50_ms: { atMost: 250 },
  // Less than 0.5.
  idle_redis_ops_per_s: { atMost: 0.499 },
  // chaos, with lost and duplicated
  reordered: { atMost: 0 },
  diverged_silently: { atMost: 0 },
  prompts_run_twice: { atMost: 0 },
  // bench:web
  first_load_gzip_bytes: { atMost: 256_000 },
  frame_to_paint_p95_ms: { atMost: 50 },
  open_5000_events_ms: { atMost: 1_000 },
  p50_over_socketio: { atMost: 0.7 },
  cpu_over_socketio: { atMost: 0.7 },
  saturated_over_socketio: { atLeast: 3 },
};

/** Whether a value misses its bar. What could not be measured misses it too. */
export function misses(bar: Bar, value: number): boolean {
  if (!Number.isFinite(value)) return true;
  return 'atMost' in bar ? value > bar.atMost : value < bar.atLeast;
}

/** The bar as a person writes it. */
export function describeBar(bar: Bar): string {
  return 'atMost' in bar ? `<= ${bar.atMost}` : `>= ${bar.atLeast}`;
}
