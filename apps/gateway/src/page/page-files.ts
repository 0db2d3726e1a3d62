// The built page in memory: read when it is first asked for and again when it was built anew, each file with its
// headers and, where that is smaller, a compressed form. Only names found in the folder are ever served.
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);

export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  /** Undefined where compressing gains nothing. */
  readonly gzipped: Buffer | undefined;
  readonly etag: string;
  /** The name carries a hash of the content: what is behind it never changes. */
  readonly isImmutable: boolean;
}

export interface PageFiles {
  /** The file at this address (`/`, `/assets/…`); undefined where there is none, or no page was built. */
  find(path: string): Promise<PageFile | undefined>;
}

const INDEX = '/index.html';
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
};

export function createPageFiles(folder: string): PageFiles {
  let loaded:
    | { readonly builtAt: number; readonly files: Promise<ReadonlyMap<string, PageFile>> }
    | undefined;
  return {
    find: async (path) => {
      const name = path === '/' ? INDEX : path;
      const isIndex = name === INDEX;
      if (loaded === undefined || isIndex) {
        const builtAt = await modifiedAt(join(folder, INDEX));
        if (builtAt === undefined) loaded = undefined;
        else if (loaded?.builtAt !== builtAt) loaded = { builtAt, files: readFolder(folder) };
      }
      return (await loaded?.files)?.get(name);
    },
  };
}

async function modifiedAt(file: string): Promise<number | undefined> {
  return stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

async function readFolder(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const known = paths.filter((path) => TYPES[extname(path)] !== undefined);
  const files = await Promise.all(
    known.map(async (path): Promise<[string, PageFile]> => {
      const name = `/${relative(folder, path).split(sep).join('/')}`;
      return [name, await pageFile(name, await readFile(path))];
    }),
  );
  return new Map(files);
}

async function pageFile(name: string, body: Buffer): Promise<PageFile> {
  const smaller = await compress(body, { level: 9 });
  return {
    type: TYPES[extname(name)] ?? 'application/octet-stream',
    body,
    gzipped: smaller.length < body.length * 0.9 ? smaller : undefined,
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    isImmutable: name.startsWith('/assets/'),
  };
}
