// The file in which `up` leaves the gateway's address and the local token for the client commands.
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';

type Environment = Readonly<Record<string, string | undefined>>;

/** `.holdfast/client.json`, mode 0600. `url` has no trailing slash; `token` is the local access token. */
export const ClientFile = z.object({
  url: z.url({ protocol: /^https?$/ }),
  token: z.string().min(16),
});
export type ClientFile = z.infer<typeof ClientFile>;

/** How to reach a gateway: `found`, or why not. `problem` is a finished sentence that carries the fix. */
export type ClientAddress =
  | { readonly status: 'found'; readonly url: string; readonly token: string }
  | { readonly status: 'absent' | 'invalid'; readonly problem: string };

/** HOLDFAST_DATA_DIR where it is set (relative to the current directory), else `.holdfast` in the checkout. */
export function dataDirectory(env: Environment, checkout: string): string {
  const named = env['HOLDFAST_DATA_DIR']?.trim() ?? '';
  return named === '' ? join(checkout, '.holdfast') : resolve(named);
}

export function clientFilePath(dataDir: string): string {
  return join(dataDir, 'client.json');
}

/** Address and token: HOLDFAST_URL and HOLDFAST_TOKEN, each falling back to the client file. */
export async function findClientAddress(env: Environment, dataDir: string): Promise<ClientAddress> {
  const url = env['HOLDFAST_URL'] ?? '';
  const token = env['HOLDFAST_TOKEN'] ?? '';
  if (url !== '' && token !== '') return { status: 'found', url: url.replace(/\/+$/, ''), token };
  const path = clientFilePath(dataDir);
  const file = await readClientFile(path);
  if (file.status !== 'found') return file;
  return {
    status: 'found',
    url: (url === '' ? file.url : url).replace(/\/+$/, ''),
    token: token === '' ? file.token : token,
  };
}

/** Reads the file at `path`; never throws for what a person may have done to it. */
export async function readClientFile(path: string): Promise<ClientAddress> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    const problem = `No gateway is known: ${path} cannot be read. Run "npm run up", or set HOLDFAST_URL and HOLDFAST_TOKEN.`;
    return { status: 'absent', problem };
  }
  const parsed = ClientFile.safeParse(parseJson(text));
  if (parsed.success) return { status: 'found', ...parsed.data };
  const problem = `${path} is damaged: delete it and run "npm run up" again (this makes a new token).`;
  return { status: 'invalid', problem };
}

/** Replaces the file in one step, so that a reader sees the old or the new one; nobody else can read it. */
export async function writeClientFile(path: string, file: ClientFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.new`;
  try {
    await writeFile(draft, `${JSON.stringify(ClientFile.parse(file), null, 2)}\n`, { mode: 0o600 });
    await chmod(draft, 0o600);
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
