// Repairs the private Redis's append-only file after a crash cut or garbled its tail.
import { constants, copyFile, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errorCode } from '../failure.ts';
import { isExecutableFile } from '../find-program.ts';
import { runTool } from '../run-tool.ts';

const MANIFEST = 'appendonly.aof.manifest';
const CHECK_LIMIT_MS = 120_000;
const KEPT_COPIES = 3;

/** `repaired` tells how much was cut off and where a copy of the damaged file is. */
export type AofRepair =
  | { readonly status: 'nothing_to_repair' | 'beyond_repair' }
  | { readonly status: 'repaired'; readonly cutBytes: number; readonly copy: string };

/**
 * Lets `redis-check-aof` cut the last file back to its last whole command, after copying it aside. Redis itself
 * repairs a tail that is merely cut; this is for bytes that are not commands (a crash of the whole machine).
 * Redis must not be running.
 */
export async function repairAof(options: {
  readonly redisServer: string;
  readonly directory: string;
}): Promise<AofRepair> {
  const folder = join(options.directory, 'appendonlydir');
  const last = await lastFile(folder);
  if (last === undefined) return { status: 'nothing_to_repair' };
  const before = (await stat(last)).size;
  const copy = await copyAside(last, join(options.directory, 'damaged'));
  const check = checkProgram(options.redisServer);
  const result = await runTool({
    ...check,
    args: ['--fix', join(folder, MANIFEST)],
    input: 'y\n',
    limitMs: CHECK_LIMIT_MS,
  });
  const cutBytes = before - (await stat(last)).size;
  if (result.exitCode !== 0) return { status: 'beyond_repair' };
  if (cutBytes > 0) return { status: 'repaired', cutBytes, copy };
  await rm(copy);
  return { status: 'nothing_to_repair' };
}

/** The file that Redis was appending to, by the manifest: `file <name> seq <n> type <b|h|i>` per line. */
export function lastFileOf(manifest: string): string | undefined {
  const line = manifest.split('\n').findLast((candidate) => / type [bi]\s*$/.test(candidate));
  return /^file "?([^"\s]+)"? seq /.exec(line ?? '')?.[1];
}

async function lastFile(folder: string): Promise<string | undefined> {
  try {
    const name = lastFileOf(await readFile(join(folder, MANIFEST), 'utf8'));
    if (name === undefined) return undefined;
    await stat(join(folder, name));
    return join(folder, name);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function copyAside(file: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const older = (await readdir(folder)).sort();
  for (const name of older.slice(0, Math.max(0, older.length - KEPT_COPIES + 1)))
    await rm(join(folder, name));
  const stamp = new Date().toISOString().replaceAll(':', '-');
  const copy = join(folder, `${stamp}-${basename(file)}`);
  await copyFile(file, copy, constants.COPYFILE_FICLONE);
  return copy;
}

/** The tool beside `redis-server`, or `redis-server` itself, which acts as the tool when called by its name. */
function checkProgram(redisServer: string): { file: string; argv0?: string } {
  const tool = join(redisServer, '../redis-check-aof');
  return isExecutableFile(tool) ? { file: tool } : { file: redisServer, argv0: 'redis-check-aof' };
}
