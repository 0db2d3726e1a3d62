// `npm run bench:web [-- --rounds N]`: what the page costs: its script at first load, how soon a delta is on the screen,
// and how long a session of 5,000 events takes to open. In the machine's Chromium, against a real gateway.
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { z } from 'zod';
import { mintTurnId, type EventBody, type SessionId } from '@holdfast/shared/protocol';
import type { Redis } from '@holdfast/shared/store';
import { launchChromium } from '../browser/support/chromium.ts';
import { writeLongSession } from '../browser/support/long-session.ts';
import { buildPage, DESKTOP } from '../browser/support/site.ts';
import { ownSession, type FakeOwner } from '../support/fake-owner.ts';
import { makeDataDir, startGateway, type TestGateway } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';
import { median, quantile } from './numbers.ts';
import { runBench } from './run-bench.ts';
import { installProbe, markOf, type PaintProbe } from '../browser/support/paint-probe.ts';

const EVENTS = 5_000;
/** The last answer of the long session. */
const LAST = 'Turn 499';
const PER_SECOND = 60;
const STREAM_MS = 8_000;

const Options = z.object({ rounds: z.coerce.number().int().min(1).max(100) });

interface Place {
  readonly browser: Browser;
  readonly gateway: TestGateway;
  readonly redis: Redis;
  readonly sessionId: SessionId;
}

await runBench('bench:web', async (bench) => {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
  const { rounds } = Options.parse(values);
  await buildPage();
  const data = await bench.own(makeDataDir());
  const server = await bench.own(startRedis());
  const gateway = await bench.own(startGateway({ redis: server, dataDir: data.path }));
  const browser = await launchChromium();
  await bench.own(Promise.resolve({ [Symbol.asyncDispose]: async () => browser.close() }));
  const redis = server.connect();
  const place = { browser, gateway, redis, sessionId: await writeLongSession(redis, EVENTS) };

  const opened: number[] = [];
  const painted: number[] = [];
  const sizes: number[] = [];
  // The first visit warms the gateway up and is not counted.
  await visit(place, async () => undefined);
  const owner = await ownSession(redis, place.sessionId);
  for (let round = 0; round < rounds; round += 1) {
    bench.report.round(`round ${round + 1} of ${rounds}`);
    const first = await visit(place, async (page) => {
      await forgetReplay(page);
      await stream(owner);
      return latenciesOf(page);
    });
    opened.push(first.openedMs);
    sizes.push(first.scriptBytes);
    painted.push(...first.result);
  }
  if (painted.length < rounds * (STREAM_MS / 1_000) * PER_SECOND * 0.9) {
    throw new Error(`only ${painted.length} deltas were seen painted`);
  }
  bench.report.metric('first_load_gzip_bytes', Math.max(...sizes));
  bench.report.metric('frame_to_paint_p95_ms', quantile(painted, 0.95));
  bench.report.metric('frame_to_paint_p50_ms', median(painted));
  bench.report.metric('open_5000_events_ms', median(opened));
  bench.report.metric('open_5000_events_worst_ms', Math.max(...opened));
});

interface Visit<T> {
  readonly openedMs: number;
  readonly scriptBytes: number;
  readonly result: T;
}

/** Opens the long session in a browser of its own that has nothing cached. */
async function visit<T>(
  { browser, gateway, sessionId }: Place,
  then: (page: Page) => Promise<T>,
): Promise<Visit<T>> {
  const context = await browser.newContext({ ...DESKTOP, serviceWorkers: 'block' });
  try {
    const page = await context.newPage();
    await context.request.get(`${gateway.url}/login?token=${gateway.token}`, { maxRedirects: 0 });
    let scriptBytes = 0;
    page.on('response', (response) => {
      if (response.request().resourceType() !== 'script') return;
      scriptBytes += Number(response.headers()['content-length'] ?? Number.NaN);
    });
    await page.addInitScript(installProbe, LAST);
    await page.goto(`${gateway.url}/s/${sessionId}`);
    const openedMs = await until(async () => (await probeOf(page)).paintedAt, { what: LAST });
    const bytes = scriptBytes;
    return { openedMs, scriptBytes: bytes, result: await then(page) };
  } finally {
    await context.close();
  }
}

/** What {@link installProbe} has noted so far. */
async function probeOf(page: Page): Promise<PaintProbe> {
  return page.evaluate(() => (globalThis as unknown as { readonly paintProbe: PaintProbe }).paintProbe); // see there
}

/** Deltas of the rounds before are replayed when the session opens: they are not what is timed. */
async function forgetReplay(page: Page): Promise<void> {
  await page.evaluate(() => {
    const { paintProbe } = globalThis as unknown as { readonly paintProbe: PaintProbe }; // see the probe
    paintProbe.arrived.length = 0;
  });
}

async function latenciesOf(page: Page): Promise<readonly number[]> {
  await pause(500);
  return (await probeOf(page)).latencies;
}

/** A turn that streams {@link PER_SECOND} deltas a second, each appended by itself, and is complete at the end. */
async function stream(owner: FakeOwner): Promise<void> {
  const turnId = mintTurnId();
  const messageId = `msg_${turnId}`;
  const block = { turnId, messageId, block: 0, kind: 'text' as const };
  await owner.append([
    { type: 'turn_started', turnId, promptId: null, content: null, attempt: 1 },
  ] as EventBody[]);
  const count = (STREAM_MS / 1_000) * PER_SECOND;
  const startedAt = performance.now();
  let text = '';
  for (let index = 0; index < count; index += 1) {
    await pause(Math.max(0, startedAt + (index * 1_000) / PER_SECOND - performance.now()));
    // Words, emphasis and paragraphs, so that Markdown has something to do.
    const delta = `${index % 40 === 0 ? '\n\n' : ''}${index % 7 === 0 ? `**${markOf(index)}**` : markOf(index)} word `;
    text += delta;
    await owner.append([{ type: 'message_delta', ...block, text: delta }] as EventBody[]);
  }
  await pause(300);
  const ended = { stopReason: 'end_turn', error: null, durationMs: 1, apiDurationMs: 1, costUsd: 0 };
  const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0 };
  await owner.append([
    { type: 'message_completed', ...block, text },
    { type: 'turn_ended', turnId, ...ended, usage },
  ] as EventBody[]);
}
