// Runs in the page before anything of it: notes when frames with deltas arrive, and when their text has been painted.

/** What the probe leaves on `globalThis`. */
export interface PaintProbe {
  /** Deltas whose text has not been painted yet. */
  readonly arrived: { readonly index: number; readonly at: number }[];
  /** Milliseconds from the arrival of a delta's frame to the first frame painted with its text. */
  readonly latencies: number[];
  /** When the text that was waited for was first painted, in ms since the navigation began; null until then. */
  paintedAt: number | null;
}

/** Marks in the streamed text: `d0.`, `d1.`, … */
export const markOf = (index: number): string => `d${index}.`;

/**
 * Installs the probe. Self-contained: it is sent to the page as source. `awaited`: the text whose first paint is
 * noted in `paintedAt`.
 */
export function installProbe(awaited: string): void {
  const arrived: PaintProbe['arrived'] = [];
  const probe: PaintProbe = { arrived, latencies: [], paintedAt: null };
  Object.assign(globalThis, { paintProbe: probe });
  const marks = (text: string): number[] =>
    [...text.matchAll(/\bd(\d+)\./g)].map((match) => Number(match[1]));

  const Native = globalThis.WebSocket;
  globalThis.WebSocket = class extends Native {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      // Registered first, so it runs before the page's own listener.
      this.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
        if (typeof data !== 'string' || !data.includes('"message_delta"')) return;
        const at = performance.now();
        for (const index of marks(data)) arrived.push({ index, at });
      });
    }
  };

  const afterPaint = new MessageChannel();
  afterPaint.port1.onmessage = () => {
    const now = performance.now();
    if (probe.paintedAt === null && (document.body?.innerText ?? '').includes(awaited)) probe.paintedAt = now;
    if (arrived.length === 0) return;
    const last = marks(document.querySelector('[data-streaming]')?.textContent ?? '').at(-1) ?? -1;
    while (arrived[0] !== undefined && arrived[0].index <= last) {
      probe.latencies.push(now - arrived[0].at);
      arrived.shift();
    }
  };
  // A message posted in a frame's callback is handled after that frame was painted.
  const eachFrame = (): void => {
    afterPaint.port2.postMessage(null);
    requestAnimationFrame(eachFrame);
  };
  requestAnimationFrame(eachFrame);
}
