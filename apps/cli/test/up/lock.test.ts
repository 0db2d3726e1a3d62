import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireLock, awaitPublished, judgeLock } from '../../src/up/lock.ts';
import { identifyProcess, parseProcStat } from '../../src/up/process/identity.ts';

const holder = { pid: 4242, startTime: '100', boot: 'b' };
const text = JSON.stringify({ holder, url: 'http://127.0.0.1:1' });

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hf-lock-'));
  path = join(dir, 'up.lock');
});
afterEach(() => rm(dir, { recursive: true }));

describe('what a lock file means', () => {
  it('no file is free, a living holder holds it, a dead one leaves it stale', () => {
    expect(judgeLock(undefined, () => true)).toEqual({ state: 'free' });
    expect(judgeLock(text, () => true)).toEqual({ state: 'held', pid: 4242, url: 'http://127.0.0.1:1' });
    expect(judgeLock(text, () => false)).toEqual({ state: 'stale' });
  });

  it.each(['', '{', '{"holder":{"pid":1}}', 'null'])('a file that says %j is stale', (broken) => {
    expect(judgeLock(broken, () => true)).toEqual({ state: 'stale' });
  });
});

describe('the lock of a data folder', () => {
  it('is taken once; a second taker is told who holds it and where', async () => {
    const first = await acquireLock(path);
    expect(first).toMatchObject({ status: 'acquired', afterCrash: false });
    expect(await acquireLock(path)).toEqual({ status: 'held', pid: process.pid, url: undefined });
    if (first.status === 'acquired') await first.lock.publish('http://127.0.0.1:9');
    expect(await acquireLock(path)).toEqual({ status: 'held', pid: process.pid, url: 'http://127.0.0.1:9' });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(dir)).toEqual(['up.lock']);
  });

  it('of a process whose pid was given to another one is replaced', async () => {
    const own = identifyProcess(process.pid);
    await writeFile(path, JSON.stringify({ holder: { ...own, startTime: '1' } }));
    expect(await acquireLock(path)).toMatchObject({ status: 'acquired', afterCrash: true });
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ holder: own });
    expect(await readdir(dir)).toEqual(['up.lock']);
  });

  it('goes to exactly one of many that find it stale at the same moment', async () => {
    await writeFile(path, JSON.stringify({ holder }));
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => acquireLock(path)));
    expect(outcomes.filter(({ status }) => status === 'acquired')).toHaveLength(1);
    expect(await readdir(dir)).toEqual(['up.lock']);
  });

  it('is free again after its release', async () => {
    const first = await acquireLock(path);
    if (first.status === 'acquired') await first.lock.release();
    expect(await readdir(dir)).toEqual([]);
    expect((await acquireLock(path)).status).toBe('acquired');
  });

  it('waiting for an address ends as soon as one is published', async () => {
    const first = await acquireLock(path);
    const waiting = awaitPublished(path, 10_000);
    if (first.status === 'acquired') await first.lock.publish('http://127.0.0.1:9');
    expect(await waiting).toMatchObject({ state: 'held', url: 'http://127.0.0.1:9' });
  });
});

describe('the identity of a process', () => {
  it('is read past a name with spaces and parentheses', () => {
    const fields = Array.from({ length: 50 }, (_, at) => String(at + 4));
    expect(parseProcStat(`7 (a) b (c) S ${fields.join(' ')}`)).toEqual({ state: 'S', startTime: '22' });
  });

  it('of a pid that nothing has is undefined', () => {
    expect(identifyProcess(4_194_303)).toBeUndefined();
  });
});
