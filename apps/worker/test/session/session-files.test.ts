import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mintSessionId, UserId } from '@holdfast/shared/protocol';
import { createSessionFiles, type SessionFiles } from '../../src/session/session-files.ts';

const sessionId = mintSessionId();
let dir: string;
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'hf-session-files-'))));
afterEach(async () => rm(dir, { recursive: true }));

const filesOf = (options: { userId?: string; seedDir?: string } = {}): SessionFiles =>
  createSessionFiles({
    dataDir: dir,
    userId: UserId.parse(options.userId ?? 'local'),
    sessionId,
    seedDir: options.seedDir,
  });

async function writeTranscript(files: SessionFiles, cliSessionId: string, lines: string[]): Promise<void> {
  const folder = join(await files.configDir(), 'projects', '-w-some-place');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${cliSessionId}.jsonl`), lines.join('\n'));
}

describe("a session's own folder", () => {
  it('has a config directory that only its user can read', async () => {
    const configDir = await filesOf().configDir();
    expect(configDir).toBe(join(dir, 'users', 'local', 'sessions', sessionId, 'config'));
    expect((await stat(configDir)).mode & 0o777).toBe(0o700);
  });

  it('has a folder for the outputs of tools, which goes with it', async () => {
    const files = filesOf();
    const scratchDir = await files.scratchDir();
    expect(scratchDir).toBe(join(dir, 'users', 'local', 'sessions', sessionId, 'scratch'));
    expect((await stat(await files.scratchDir())).mode & 0o777).toBe(0o700);
    await files.remove();
    await expect(stat(scratchDir)).rejects.toThrow(/ENOENT/);
  });

  it.each(['../../etc', 'a/b', '..', '.', 'ż'.repeat(200)])(
    'a user called %j stays under the data directory',
    async (userId) => {
      expect((await filesOf({ userId }).configDir()).startsWith(join(dir, 'users'))).toBe(true);
      expect(await readdir(dir)).toEqual(['users']);
      const [name] = await readdir(join(dir, 'users'));
      expect(await readdir(join(dir, 'users', name ?? ''))).toEqual(['sessions']);
    },
  );

  it('takes over settings but no credentials from the directory the operator named, once', async () => {
    const seedDir = join(dir, 'seed');
    await mkdir(join(seedDir, 'agents'), { recursive: true });
    await writeFile(join(seedDir, 'settings.json'), '{}');
    await writeFile(join(seedDir, '.credentials.json'), '{"secret":1}');
    await writeFile(join(dir, 'helper.md'), 'help');
    await symlink(join(dir, 'helper.md'), join(seedDir, 'agents', 'helper.md'));
    const configDir = await filesOf({ seedDir }).configDir();
    expect((await readdir(configDir)).sort()).toEqual(['agents', 'settings.json']);
    expect(await readFile(join(configDir, 'agents', 'helper.md'), 'utf8')).toBe('help');
    await rm(join(configDir, 'settings.json'));
    await filesOf({ seedDir }).configDir();
    expect(await readdir(configDir)).toEqual(['agents']);
  });

  it('a seed that can not be copied is an error, not a session without its settings', async () => {
    const seedDir = join(dir, 'seed');
    await mkdir(seedDir);
    await symlink(join(seedDir, 'settings.json'), join(seedDir, 'settings.json'));
    await expect(filesOf({ seedDir }).configDir()).rejects.toThrow(/ELOOP|too many/i);
  });

  it('finds the transcript of a conversation wherever the CLI put it, and what it mentions [A-02]', async () => {
    const files = filesOf();
    expect(await files.hasTranscript('c1')).toBe(false);
    expect(await files.transcriptMentions('c1', 'uuid-1')).toBe(false);
    await writeTranscript(files, 'c1', ['{"type":"user","uuid":"uuid-1"}', '{"uuid":"uuid-2"}']);
    expect(await files.hasTranscript('c1')).toBe(true);
    await writeTranscript(files, 'c0', ['{"type":"queue-operation"}']);
    expect(await files.hasTranscript('c0')).toBe(false);
    expect(await files.hasTranscript('c2')).toBe(false);
    expect(await files.transcriptMentions('c1', 'uuid-2')).toBe(true);
    expect(await files.transcriptMentions('c1', 'uuid-3')).toBe(false);
  });

  it('a place that can not be read is an error, not an absent transcript', async () => {
    const files = filesOf();
    await writeFile(join(await files.configDir(), 'projects'), 'a file');
    await expect(files.hasTranscript('c1')).rejects.toThrow(/ENOTDIR/);
  });

  it('is gone after its removal, also when it never was', async () => {
    const files = filesOf();
    await files.remove();
    await writeTranscript(files, 'c1', ['x']);
    await files.remove();
    expect(await readdir(join(dir, 'users', 'local', 'sessions'))).toEqual([]);
  });
});
