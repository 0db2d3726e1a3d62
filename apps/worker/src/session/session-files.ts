// A session's own folder on disk: the CLI's config directory with its transcripts. On storage all workers share.
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { SessionId, UserId } from '@holdfast/shared/protocol';
import { userFolder } from '@holdfast/shared/runtime';
import { serversOfUser } from '../agent/workspace-config.ts';

/** What is taken over from a config directory that the operator named. Never credentials: two CLIs that refresh
 * one token invalidate each other's. */
const SEEDED = ['settings.json', 'CLAUDE.md', 'agents', 'commands', 'skills', 'output-styles'];

export interface SessionFiles {
  /** CLAUDE_CONFIG_DIR of this session; made when it is not there. */
  configDir(): Promise<string>;
  /** Where the CLI keeps the outputs of its tools: with the session, not in the machine's temporary folder. */
  scratchDir(): Promise<string>;
  /** Whether the CLI can resume this conversation: it has written its transcript. */
  hasTranscript(cliSessionId: string): Promise<boolean>;
  /** Whether the transcript has a line with this text (the uuid of a prompt). */
  transcriptMentions(cliSessionId: string, text: string): Promise<boolean>;
  /** Removes the session's folder with everything in it. */
  remove(): Promise<void>;
}

export function createSessionFiles(options: {
  readonly dataDir: string;
  readonly userId: UserId;
  readonly sessionId: SessionId;
  /** The operator's own config directory to seed from; undefined: none. */
  readonly seedDir: string | undefined;
}): SessionFiles {
  const { dataDir, userId, sessionId, seedDir } = options;
  const home = sessionHome(dataDir, { userId, sessionId });
  const configDir = join(home, 'config');
  return {
    configDir: async () => {
      const made = await mkdir(configDir, { recursive: true, mode: 0o700 });
      if (made !== undefined && seedDir !== undefined) await seed(seedDir, configDir);
      return configDir;
    },
    scratchDir: async () => {
      const scratchDir = join(home, 'scratch');
      await mkdir(scratchDir, { recursive: true, mode: 0o700 });
      return scratchDir;
    },
    hasTranscript: async (cliSessionId) => {
      const path = await findTranscript(configDir, cliSessionId);
      return path !== null && (await mentions(path, USER_LINE));
    },
    transcriptMentions: async (cliSessionId, text) => {
      const path = await findTranscript(configDir, cliSessionId);
      return path !== null && (await mentions(path, text));
    },
    remove: async () => rm(home, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** The session's own folder. */
export function sessionHome(
  dataDir: string,
  { userId, sessionId }: { readonly userId: UserId; readonly sessionId: SessionId },
): string {
  return join(dataDir, 'users', userFolder(userId), 'sessions', sessionId);
}

/** A CLI that was killed early may leave a transcript without a prompt: it can be neither resumed nor reused. */
const USER_LINE = '"type":"user"';

async function seed(from: string, to: string): Promise<void> {
  for (const name of SEEDED) {
    await cp(join(from, name), join(to, name), { recursive: true, dereference: true }).catch(
      (error: unknown) => {
        if (!isMissing(error)) throw error;
      },
    );
  }
  const servers = await serversOfUser(from);
  if (servers !== null) await writeFile(join(to, '.claude.json'), servers, { mode: 0o600 });
}

/** The CLI keeps transcripts as `projects/<the working directory, encoded>/<its session id>.jsonl`. */
async function findTranscript(configDir: string, cliSessionId: string): Promise<string | null> {
  const projects = join(configDir, 'projects');
  const folders = await listNames(projects);
  for (const folder of folders) {
    const files = await listNames(join(projects, folder));
    if (files.includes(`${cliSessionId}.jsonl`)) return join(projects, folder, `${cliSessionId}.jsonl`);
  }
  return null;
}

async function listNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function mentions(path: string, text: string): Promise<boolean> {
  const lines = createInterface({ input: createReadStream(path, 'utf8') });
  try {
    for await (const line of lines) if (line.includes(text)) return true;
    return false;
  } finally {
    lines.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
