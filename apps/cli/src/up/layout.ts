// Which files `up` keeps where in the data folder.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { explainWriteError } from './failure.ts';

/** A Unix socket's path is cut by the kernel at about 104 (macOS) to 108 bytes. */
const SOCKET_PATH_BYTES = 100;

/** Name of a folder in the temporary folder, used only where the data folder's path is too long for a socket. */
export const SOCKET_FOLDER_PREFIX = 'holdfast-';

export interface Layout {
  readonly dataDir: string;
  readonly logs: string;
  readonly workspaces: string;
  readonly redis: string;
  readonly lock: string;
  readonly processes: string;
}

export function layoutOf(dataDir: string): Layout {
  return {
    dataDir,
    logs: join(dataDir, 'logs'),
    workspaces: join(dataDir, 'workspaces'),
    redis: join(dataDir, 'redis'),
    lock: join(dataDir, 'up.lock'),
    processes: join(dataDir, 'processes.json'),
  };
}

/** Makes the folders that are missing, readable by this user only; throws an UpFailure where it may not. */
export async function createFolders(layout: Layout): Promise<void> {
  try {
    for (const folder of [layout.dataDir, layout.logs, layout.workspaces, layout.redis]) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
  } catch (error) {
    throw explainWriteError(error, layout.dataDir);
  }
}

/** The Redis socket: in the data folder, or in `fallbackFolder` where that path would be too long. */
export function socketPath(layout: Layout, fallbackFolder: string): string {
  const path = join(layout.redis, 'redis.sock');
  return Buffer.byteLength(path) <= SOCKET_PATH_BYTES ? path : join(fallbackFolder, 'redis.sock');
}
