// What a kill in mid-write may leave of Redis' log, and whether the next start gets over it.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { until } from '../../support/until.ts';
import { createSession, listSessions } from './api.ts';
import { allGone, type UpHome } from './holdfast.ts';

/** Kills `up`, damages the log that its Redis left, and expects the next start to have every session. */
export async function expectRepair(
  home: UpHome,
  damage: (file: string, size: number) => Promise<void>,
): Promise<void> {
  const first = home.start();
  const link = await first.ready();
  const session = await createSession(link);
  const size = await logSize(home);
  // A cut takes the last command; this one makes sure that it is not the session's.
  await createSession(link);
  await until(async () => (await logSize(home)) > size, { what: 'the log to be written' });
  process.kill(await first.pid(), 'SIGKILL');
  await first.ended;
  await allGone(home);
  await damage(await logFile(home), await logSize(home));
  expect(await listSessions(await home.start().ready())).toContain(session);
}

async function logFile(home: UpHome): Promise<string> {
  const folder = join(home.dataDir, 'redis/appendonlydir');
  const name = (await readdir(folder)).find((file) => file.endsWith('.incr.aof'));
  return join(folder, name ?? '');
}

async function logSize(home: UpHome): Promise<number> {
  return (await stat(await logFile(home))).size;
}
