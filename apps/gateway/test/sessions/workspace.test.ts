import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionId } from '@holdfast/shared/protocol';
import { makeSessionFolder, openWorkspaceRoots, resolveCwd } from '../../src/sessions/workspace.ts';

let base: string;
beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'holdfast-roots-')));
  await mkdir(join(base, 'root', 'project'), { recursive: true });
  await mkdir(join(base, 'root-not'));
  await writeFile(join(base, 'root', 'file'), '');
  await symlink(join(base, 'root-not'), join(base, 'root', 'escape'));
  await symlink(join(base, 'root'), join(base, 'alias'));
  await symlink('/nowhere', join(base, 'root', 'dangling'));
});
afterEach(async () => rm(base, { recursive: true, force: true }));

describe('a working directory', () => {
  it.each(['root', 'root/project', 'root/project/', 'root/./project/..', 'alias/project'])(
    '%s is allowed, as its real path [B-10]',
    async (path) => {
      const roots = await openWorkspaceRoots([join(base, 'root')], base);
      expect(await resolveCwd(join(base, path), roots)).toBe(await realpath(join(base, path)));
    },
  );

  it.each(['root-not', 'root/escape', 'root/..', 'root/../root-not', '.', 'not-there', 'root/escape/deeper'])(
    '%s is refused, naming the roots and the variable [B-10]',
    async (path) => {
      const roots = await openWorkspaceRoots([join(base, 'root')], base);
      const call = resolveCwd(`${base}/${path}`, roots);
      await expect(call).rejects.toMatchObject({ code: 'cwd_not_allowed' });
      await expect(call).rejects.toMatchObject({
        message: expect.stringContaining(join(base, 'root')),
        details: { variable: 'HOLDFAST_WORKSPACE_ROOTS' },
      });
    },
  );

  it.each(['root/file', 'root/gone', 'root/dangling'])('%s under a root is missing', async (path) => {
    const roots = await openWorkspaceRoots([join(base, 'root')], base);
    await expect(resolveCwd(join(base, path), roots)).rejects.toMatchObject({ code: 'cwd_missing' });
  });

  it('that is relative, or holds a zero byte, is refused', async () => {
    const roots = await openWorkspaceRoots([join(base, 'root')], base);
    for (const cwd of ['root', '', `${base}/root\0`]) {
      await expect(resolveCwd(cwd, roots)).rejects.toMatchObject({ code: 'cwd_not_allowed' });
    }
  });

  it('under a root that is itself a link is allowed', async () => {
    const roots = await openWorkspaceRoots([join(base, 'alias')], base);
    expect(await resolveCwd(join(base, 'root', 'project'), roots)).toBe(join(base, 'root', 'project'));
  });
});

describe('the roots', () => {
  it('without configuration are one folder in the data directory, made when needed', async () => {
    const roots = await openWorkspaceRoots(undefined, join(base, 'data'));
    expect(roots).toEqual([join(base, 'data', 'workspaces')]);
    const sessionId = SessionId.parse('s00-01JD0000000000000000000000');
    const path = join(base, 'data', 'workspaces', sessionId);
    expect(await makeSessionFolder(sessionId, roots)).toEqual({ path, isNew: true });
    expect(await makeSessionFolder(sessionId, roots)).toEqual({ path, isNew: false });
  });

  it('that are configured must exist', async () => {
    await expect(openWorkspaceRoots([join(base, 'gone')], base)).rejects.toThrow(
      /HOLDFAST_WORKSPACE_ROOTS names .*gone/,
    );
  });
});
