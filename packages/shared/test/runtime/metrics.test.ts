import { describe, expect, it } from 'vitest';
import { metrics } from '../../src/runtime/metrics.ts';
import { serveMetrics } from '../../src/runtime/metrics-server.ts';

describe('metrics [K-03]', () => {
  it('are served as Prometheus reads them, and nothing else is', async () => {
    const server = await serveMetrics({ part: 'test', host: '127.0.0.1', port: 0 });
    try {
      metrics.claims.inc({ outcome: 'claimed' });
      metrics.appendSeconds.observe(0.002);
      const url = `http://127.0.0.1:${server.port}`;
      const answer = await fetch(`${url}/metrics`);
      expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=/);
      const text = await answer.text();
      expect(text).toContain('holdfast_claims_total{outcome="claimed",part="test"} 1');
      expect(text).toContain('holdfast_append_seconds_bucket{le="0.0025",part="test"} 1');
      expect(text).toMatch(/holdfast_process_resident_memory_bytes{part="test"} \d+/);
      expect((await fetch(`${url}/`)).status).toBe(404);
      expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(404);
    } finally {
      await server.close();
    }
  });

  it('refuse a port that is taken', async () => {
    const first = await serveMetrics({ part: 'test', host: '127.0.0.1', port: 0 });
    try {
      const second = serveMetrics({ part: 'test', host: '127.0.0.1', port: first.port });
      await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
    } finally {
      await first.close();
    }
  });
});
