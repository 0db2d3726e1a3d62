import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintSessionId, UserId, WorkerId } from '@holdfast/shared/protocol';
import { createLogger } from '@holdfast/shared/runtime';
import { createClaimNotes } from '../../src/claim/claim-notes.ts';
import { sessionHome } from '../../src/session/session-files.ts';

const logger = createLogger({ part: 'test', level: 'silent' });
let dir: string;
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), 'hf-notes-'))));
afterAll(async () => rm(dir, { recursive: true }));

const place = () => ({ userId: UserId.parse('local'), sessionId: mintSessionId() });
const note = (fence: number, isHeld = true) => ({
  fence,
  workerId: WorkerId.parse('w1'),
  incarnation: 'i1',
  isHeld,
});

describe('notes of claims [E-01]', () => {
  it('tell the claim that was noted last, and leave nothing else behind', async () => {
    const notes = createClaimNotes(dir, logger);
    const session = place();
    expect(await notes.read(session)).toBeNull();
    expect(await notes.write(session, note(5))).toBe('written');
    expect(await notes.write(session, note(5, false))).toBe('written');
    expect(await notes.read(session)).toEqual(note(5, false));
    expect(await readdir(sessionHome(dir, session))).toEqual(['claim.json']);
  });

  it('are never replaced by those of an older claim', async () => {
    const notes = createClaimNotes(dir, logger);
    const session = place();
    await notes.write(session, note(7));
    expect(await notes.write(session, note(6))).toBe('newer');
    expect(await notes.read(session)).toEqual(note(7));
  });

  it('of sessions that are let go make no folder for one that was deleted', async () => {
    const notes = createClaimNotes(dir, logger);
    const session = place();
    expect(await notes.write(session, note(5, false))).toBe('written');
    await expect(readdir(sessionHome(dir, session))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('that can not be read count as none, and those that can not be written stop nobody', async () => {
    const notes = createClaimNotes(dir, logger);
    const session = place();
    await mkdir(sessionHome(dir, session), { recursive: true });
    await writeFile(join(sessionHome(dir, session), 'claim.json'), '{"fence":');
    expect(await notes.read(session)).toBeNull();
    const nowhere = createClaimNotes('/dev/null/data', logger);
    expect(await nowhere.write(session, note(1))).toBe('written');
  });
});
