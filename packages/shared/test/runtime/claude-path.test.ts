import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findClaude } from '../../src/runtime/claude-path.ts';

let dir: string;
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'hf-claude-path-'))));
afterEach(() => rm(dir, { recursive: true }));

describe('where the CLI is [A-05]', () => {
  it('the pinned package of this checkout is used when nothing is configured', () => {
    const found = findClaude({});
    expect(found).toMatchObject({ status: 'found', from: 'package' });
    expect(found.status === 'found' && found.path).toContain(`-${process.platform}-${process.arch}/`);
  });

  it('CLAUDE_PATH wins when it is an executable file', async () => {
    const path = join(dir, 'claude');
    await writeFile(path, '#!/bin/sh\n', { mode: 0o755 });
    expect(findClaude({ CLAUDE_PATH: path })).toEqual({ status: 'found', path, from: 'CLAUDE_PATH' });
  });

  it.each([
    ['does not exist', 0o000, false],
    ['is not executable', 0o644, true],
  ])(
    'a CLAUDE_PATH that %s never falls back and is named with the fix [A-17]',
    async (_what, mode, exists) => {
      const path = join(dir, 'claude');
      if (exists) await writeFile(path, 'x', { mode });
      const found = findClaude({ CLAUDE_PATH: path });
      expect(found).toMatchObject({ status: 'missing', looked: [path] });
      expect(found.status === 'missing' && found.problem).toMatch(/CLAUDE_PATH=.*unset it/);
    },
  );
});
