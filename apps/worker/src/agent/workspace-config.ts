// What the files of a workspace and of its user have for the CLI, and what of it holds only once the workspace is
// trusted. The CLI runs with strict MCP configuration, so it is given every server here.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { McpServer } from '@holdfast/shared/protocol';
import { z } from 'zod';

export type McpServers = Readonly<Record<string, unknown>>;

/** Something of the project that has no effect until its owner trusts the workspace. */
export interface Ignored {
  readonly kind: 'rule' | 'mcp_server';
  readonly name: string;
  /** Relative to the workspace. */
  readonly file: string;
}

export interface WorkspaceConfig {
  /** The user's, then (in a trusted workspace) the project's: of two with one name the project's counts. */
  readonly mcpServers: McpServers;
  readonly ignored: readonly Ignored[];
}

/** The CLI's own file for what it knows of its user and of folders. */
const CLI_FILE = '.claude.json';
const MCP_FILE = '.mcp.json';
const SETTINGS_FILES = ['.claude/settings.json', '.claude/settings.local.json'] as const;

const record = z.record(z.string(), z.unknown());
const Servers = z.looseObject({ mcpServers: record.optional() });
const CliFile = Servers.extend({ projects: z.record(z.string(), Servers).optional() });
const Settings = z.looseObject({
  permissions: z.looseObject({ allow: z.array(z.string()).optional() }).optional(),
});

interface Workspace {
  readonly configDir: string;
  readonly cwd: string;
  readonly isTrusted: boolean;
}

/** Makes a CLI that is about to start go by whether its workspace is trusted, and gives what it is to be told. */
export async function prepareWorkspace(workspace: Workspace): Promise<WorkspaceConfig> {
  await writeTrust(workspace.configDir, workspace.cwd, workspace.isTrusted);
  return readWorkspaceConfig(workspace);
}

export async function readWorkspaceConfig(workspace: Workspace): Promise<WorkspaceConfig> {
  const { configDir, cwd, isTrusted } = workspace;
  const own = CliFile.safeParse(await readJson(join(configDir, CLI_FILE))).data ?? {};
  const users = { ...usable(own.mcpServers), ...usable(own.projects?.[cwd]?.mcpServers) };
  const project = usable(Servers.safeParse(await readJson(join(cwd, MCP_FILE))).data?.mcpServers);
  if (isTrusted) return { mcpServers: { ...users, ...project }, ignored: [] };
  const servers = Object.keys(project).map((name) => ({ kind: 'mcp_server', name, file: MCP_FILE }) as const);
  return { mcpServers: users, ignored: [...(await allowRules(cwd)), ...servers] };
}

async function allowRules(cwd: string): Promise<Ignored[]> {
  const found: Ignored[] = [];
  for (const file of SETTINGS_FILES) {
    const settings = Settings.safeParse(await readJson(join(cwd, file))).data;
    for (const name of settings?.permissions?.allow ?? []) found.push({ kind: 'rule', name, file });
  }
  return found;
}

/** Tells the CLI, while none runs on this configuration, whether the folder is trusted. */
export async function writeTrust(configDir: string, cwd: string, isTrusted: boolean): Promise<void> {
  const path = join(configDir, CLI_FILE);
  const stored = record.safeParse(await readJson(path)).data ?? {};
  const projects = record.safeParse(stored['projects']).data ?? {};
  const project = record.safeParse(projects[cwd]).data ?? {};
  if ((project['hasTrustDialogAccepted'] === true) === isTrusted) return;
  const next = { ...project, hasTrustDialogAccepted: isTrusted };
  await writeFile(path, JSON.stringify({ ...stored, projects: { ...projects, [cwd]: next } }), {
    mode: 0o600,
  });
}

/** The MCP servers of a user's CLI file, and nothing else of it: the rest is about accounts and habits. */
export async function serversOfUser(configDir: string): Promise<string | null> {
  // The CLI keeps the file beside its default folder `.claude`, and inside of any other.
  for (const path of [join(configDir, CLI_FILE), `${configDir.replace(/\/+$/, '')}.json`]) {
    const found = CliFile.safeParse(await readJson(path)).data;
    if (found === undefined) continue;
    const projects = Object.entries(found.projects ?? {}).map(([cwd, { mcpServers = {} }]) => [
      cwd,
      { mcpServers },
    ]);
    return JSON.stringify({
      mcpServers: found.mcpServers ?? {},
      projects: Object.fromEntries(projects) as unknown,
    });
  }
  return null;
}

/** Entries that describe a server: one the CLI can't read would keep it from starting. Its own fields pass. */
function usable(servers: McpServers | undefined): McpServers {
  const entries = Object.entries(servers ?? {});
  return Object.fromEntries(entries.filter(([, server]) => isServer(server)));
}

function isServer(server: unknown): boolean {
  const parts = record.safeParse(server).data;
  if (parts === undefined) return false;
  const { type, command, args, env, url, headers } = parts;
  const known = Object.entries({ type, command, args, env, url, headers });
  return McpServer.safeParse(Object.fromEntries(known.filter(([, value]) => value !== undefined))).success;
}

/** What a JSON file holds; undefined when it is missing or broken, which is the CLI's to tell of. */
async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
