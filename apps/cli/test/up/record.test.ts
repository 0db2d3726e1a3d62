import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identifyProcess, isRunning, type ProcessIdentity } from '../../src/up/process/identity.ts';
import { cleanUpRecorded, findStale, ProcessRecord } from '../../src/up/process/record.ts';

let dir: string;
let path: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hf-record-'));
  path = join(dir, 'processes.json');
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(dir, { recursive: true });
});

async function startChild(script: string): Promise<ProcessIdentity> {
  const child = spawn('sh', ['-c', `${script}; echo up; while :; do sleep 60; done`], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  children.push(child);
  await once(child.stdout, 'data');
  const identity = identifyProcess(child.pid ?? 0);
  if (identity === undefined) throw new Error('the child is gone');
  return identity;
}

describe('processes of a killed run', () => {
  it('are ended by the next one, also one that ignores SIGTERM', async () => {
    const polite = await startChild('true');
    const stubborn = await startChild('trap "" TERM');
    const record = new ProcessRecord(path, []);
    await record.add('redis', polite);
    await record.add('worker-1', stubborn);
    const found = await cleanUpRecorded(path, 300);
    expect(found.map(({ name }) => name)).toEqual(['redis', 'worker-1']);
    expect([polite, stubborn].map((identity) => isRunning(identity))).toEqual([false, false]);
    expect(await readdir(dir)).toEqual([]);
  });

  it('are left alone when the pid now belongs to another process', async () => {
    const innocent = await startChild('true');
    await new ProcessRecord(path, []).add('gateway', { ...innocent, startTime: '1' });
    expect(await cleanUpRecorded(path)).toEqual([]);
    expect(isRunning(innocent)).toBe(true);
  });

  it('are unknown when the record is damaged, and then nothing is touched', async () => {
    await writeFile(path, '{"processes": {"redis": {"pid": 1');
    expect(await cleanUpRecorded(path)).toEqual([]);
    expect(await cleanUpRecorded(join(dir, 'missing'))).toEqual([]);
  });

  it('take their socket folder with them, and no folder of another name', async () => {
    const ours = join(dir, 'holdfast-abc');
    const foreign = join(dir, 'precious');
    await mkdir(ours);
    await mkdir(foreign);
    await writeFile(path, JSON.stringify({ processes: {}, folders: [ours, foreign] }));
    await cleanUpRecorded(path);
    expect(await readdir(dir)).toEqual(['precious']);
  });

  it('are chosen by identity', () => {
    const [a, b] = [
      { pid: 1, startTime: '1', boot: '' },
      { pid: 2, startTime: '2', boot: '' },
    ];
    expect(findStale({ a, b }, (identity) => identity === b)).toEqual([{ name: 'b', identity: b }]);
  });
});

describe('the record of a run', () => {
  it('shows the last of many changes made at once, and leaves no draft', async () => {
    const identity = { pid: 5, startTime: '5', boot: 'x' };
    const record = new ProcessRecord(path, []);
    await Promise.all([record.add('a', identity), record.add('b', identity), record.remove('a')]);
    expect(await readdir(dir)).toEqual(['processes.json']);
    await record.discard();
    expect(await readdir(dir)).toEqual([]);
  });
});
