import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensurePage } from '../../src/up/page.ts';

let checkout: string;

beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'holdfast-checkout-'));
  await mkdir(join(checkout, 'apps/web'), { recursive: true });
});
afterEach(async () => rm(checkout, { recursive: true }));

const buildThat = async (does: string): Promise<void> => writeFile(join(checkout, 'apps/web/build.ts'), does);

describe('the page of up', () => {
  it('is built without a word', async () => {
    await buildThat('');
    expect(await ensurePage(checkout, process.env)).toBeUndefined();
  });

  it('that can not be built is a line with the reason, and what to run to see more', async () => {
    await buildThat("throw new TypeError('no such plugin')");
    expect(await ensurePage(checkout, process.env)).toMatch(
      /^could not be built \(TypeError: no such plugin\); everything else works\. Try: node apps\/web\/build\.ts$/,
    );
    await buildThat('setInterval(() => {}, 1_000)');
    expect(await ensurePage(checkout, process.env, AbortSignal.timeout(200))).toMatch(/^could not be built/);
    await rm(join(checkout, 'apps/web/build.ts'));
    expect(await ensurePage(checkout, process.env)).toMatch(/^could not be built/);
  });
});
