// Where the gateway is: the environment, else the nearest client file from the current directory upward.
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { clientFilePath, dataDirectory, findClientAddress } from './client-file.ts';
import { CliFailure } from './failure.ts';
import type { CommandContext } from './io.ts';

export interface Address {
  readonly url: string;
  readonly token: string;
  /** Whether the address was written by `npm run up` here, so that this is what starts it. */
  readonly isLocal: boolean;
}

type Place = Pick<CommandContext, 'env' | 'cwd' | 'checkout'>;

/** Throws {@link CliFailure} with what to do when no address is known. */
export async function findAddress(place: Place): Promise<Address> {
  const { env } = place;
  const found = await findClientAddress(env, await dataDirectoryNear(place));
  if (found.status === 'found') {
    return { url: found.url, token: found.token, isLocal: (env['HOLDFAST_URL'] ?? '') === '' };
  }
  if (found.status === 'invalid') throw new CliFailure(found.problem);
  throw new CliFailure(
    (env['HOLDFAST_URL'] ?? '') === ''
      ? 'Holdfast is not running here: start it with "npm run up", or set HOLDFAST_URL and HOLDFAST_TOKEN'
      : 'HOLDFAST_TOKEN is not set: the token belongs to the gateway that HOLDFAST_URL names',
  );
}

/** HOLDFAST_DATA_DIR, else the nearest `.holdfast` with a client file, else that of the checkout. */
async function dataDirectoryNear({ env, cwd, checkout }: Place): Promise<string> {
  if ((env['HOLDFAST_DATA_DIR']?.trim() ?? '') !== '') return dataDirectory(env, cwd);
  for (let folder = cwd; ; folder = dirname(folder)) {
    const candidate = join(folder, '.holdfast');
    if (await exists(clientFilePath(candidate))) return candidate;
    if (dirname(folder) === folder) return dataDirectory(env, checkout);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
