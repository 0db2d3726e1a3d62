// Liveness of all connections from one timer: pings those that were silent, gives up those that stay silent.
// Connections are spread over slots that are looked at in turn, so that no tick has to look at all of them.

const TICK_MS = 1_000;
const SLOTS = 5;
/**
 * Each connection is looked at every SLOTS seconds; a ping goes out after this much silence. A client that says
 * something every `heartbeatMs`, as it should, is never pinged: on a gateway with 10,000 of them that is what it costs.
 */
const PING_AFTER_MS = 17_000;
/** At the next look after this much silence the connection is given up: at most 30 s after it was last heard. */
const LOST_AFTER_MS = 25_000;

export interface KeptAlive {
  /** When something was last heard, by the clock given to the keepalive. */
  readonly heardAtMs: number;
  ping(): void;
  /** Nothing was heard for too long. */
  lost(): void;
}

export interface Keepalive {
  add(connection: KeptAlive): void;
  remove(connection: KeptAlive): void;
  close(): void;
}

export function createKeepalive(now: () => number): Keepalive {
  const slots: readonly Set<KeptAlive>[] = Array.from({ length: SLOTS }, () => new Set<KeptAlive>());
  let added = 0;
  let turn = 0;
  const timer = setInterval(() => {
    turn = (turn + 1) % SLOTS;
    for (const connection of slots[turn] ?? []) lookAt(connection, now());
  }, TICK_MS);
  timer.unref();
  return {
    add: (connection) => {
      slots[added % SLOTS]?.add(connection);
      added += 1;
    },
    remove: (connection) => {
      for (const slot of slots) if (slot.delete(connection)) return;
    },
    close: () => clearInterval(timer),
  };
}

/** Pings or gives up one connection by how long it was silent. */
export function lookAt(connection: KeptAlive, nowMs: number): void {
  const silentMs = nowMs - connection.heardAtMs;
  if (silentMs > LOST_AFTER_MS) connection.lost();
  else if (silentMs > PING_AFTER_MS) connection.ping();
}
