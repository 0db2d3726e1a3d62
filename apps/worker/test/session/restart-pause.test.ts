import { describe, expect, it } from 'vitest';
import { RestartPause } from '../../src/session/restart-pause.ts';

describe('pauses between restarts', () => {
  it('the first restart comes at once, later ones more and more slowly, up to half a minute', () => {
    const restart = new RestartPause();
    const pauses = Array.from({ length: 10 }, () => restart.failed());
    expect(pauses).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(restart.failures).toBe(10);
  });

  it('a turn that ended well starts the count anew', () => {
    const restart = new RestartPause();
    restart.failed();
    restart.failed();
    restart.succeeded();
    expect(restart.failed()).toBe(0);
  });
});
