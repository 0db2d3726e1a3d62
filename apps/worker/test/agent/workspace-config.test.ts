import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readWorkspaceConfig, serversOfUser, writeTrust } from '../../src/agent/workspace-config.ts';

let root: string;
let cwd: string;
let configDir: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-config-'));
  [cwd, configDir] = [join(root, 'work'), join(root, '.claude')];
  await mkdir(join(cwd, '.claude'), { recursive: true });
  await mkdir(configDir);
});
afterEach(async () => rm(root, { recursive: true }));

const write = async (path: string, value: unknown): Promise<void> =>
  writeFile(path, typeof value === 'string' ? value : JSON.stringify(value));
const read = async (isTrusted: boolean) => readWorkspaceConfig({ configDir, cwd, isTrusted });

describe('the configuration of a workspace [A-03]', () => {
  it("gives a trusted workspace the user's and the project's MCP servers, the nearer one of two with one name", async () => {
    const far = { command: 'far' };
    await write(join(configDir, '.claude.json'), {
      mcpServers: { user: { type: 'http', url: 'http://127.0.0.1:1/' }, local: far, project: far },
      projects: {
        [cwd]: { mcpServers: { local: { command: 'near' } } },
        '/other': { mcpServers: { x: far } },
      },
    });
    await write(join(cwd, '.mcp.json'), { mcpServers: { project: { command: 'near', timeout: 7 } } });
    expect(await read(true)).toEqual({
      mcpServers: {
        user: { type: 'http', url: 'http://127.0.0.1:1/' },
        local: { command: 'near' },
        project: { command: 'near', timeout: 7 },
      },
      ignored: [],
    });
  });

  it("names what of the project's is ignored until the workspace is trusted", async () => {
    await write(join(cwd, '.mcp.json'), { mcpServers: { project: { command: 'p' } } });
    await write(join(cwd, '.claude/settings.json'), {
      permissions: { allow: ['Bash(make *)'], deny: ['Read'] },
    });
    await write(join(cwd, '.claude/settings.local.json'), { permissions: { allow: ['Write'] } });
    expect(await read(false)).toEqual({
      mcpServers: {},
      ignored: [
        { kind: 'rule', name: 'Bash(make *)', file: '.claude/settings.json' },
        { kind: 'rule', name: 'Write', file: '.claude/settings.local.json' },
        { kind: 'mcp_server', name: 'project', file: '.mcp.json' },
      ],
    });
  });

  it.each(['{', '[]', '{"mcpServers": 7}', '{"mcpServers": {"x": 1, "y": {}, "z": {"command": 3}}}'])(
    'passes over files that are none: %s',
    async (text) => {
      await write(join(cwd, '.mcp.json'), text);
      await write(join(configDir, '.claude.json'), text);
      await write(join(cwd, '.claude/settings.json'), text);
      expect(await read(false)).toEqual({ mcpServers: {}, ignored: [] });
    },
  );

  it('is empty where there is nothing', async () => {
    expect(await read(true)).toEqual({ mcpServers: {}, ignored: [] });
  });
});

describe('trust [A-03]', () => {
  it('is written where the CLI looks for it, beside what else is there, and taken back', async () => {
    const path = join(configDir, '.claude.json');
    const stored = async (): Promise<unknown> => JSON.parse(await readFile(path, 'utf8'));
    await write(path, { userID: 'u', projects: { [cwd]: { a: 1 }, '/other': { b: 2 } } });
    await writeTrust(configDir, cwd, true);
    expect(await stored()).toEqual({
      userID: 'u',
      projects: { [cwd]: { a: 1, hasTrustDialogAccepted: true }, '/other': { b: 2 } },
    });
    await writeTrust(configDir, cwd, false);
    expect(await stored()).toMatchObject({ projects: { [cwd]: { hasTrustDialogAccepted: false } } });
  });

  it('makes no file where there is none and nothing is trusted', async () => {
    await writeTrust(configDir, cwd, false);
    await expect(readFile(join(configDir, '.claude.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe("the MCP servers of the user's own configuration [A-03]", () => {
  it.each(['.claude/.claude.json', '.claude.json'])(
    'are taken from %s, and nothing else of it',
    async (name) => {
      await write(join(root, name), {
        oauthAccount: { email: 'x' },
        mcpServers: { one: { command: 'c' } },
        projects: { '/w': { mcpServers: { two: { command: 'd' } }, history: ['secret'] } },
      });
      expect(JSON.parse((await serversOfUser(configDir)) ?? '')).toEqual({
        mcpServers: { one: { command: 'c' } },
        projects: { '/w': { mcpServers: { two: { command: 'd' } } } },
      });
    },
  );

  it('are none where there is no such file', async () => {
    expect(await serversOfUser(configDir)).toBeNull();
  });
});
