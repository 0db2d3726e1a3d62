// Builds the page into `dist/`, unless what is there was built from the same sources. Usage: node build.ts [--check]
// The new page takes the old one's place only when it is whole; files that open pages may still ask for stay a while.
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { cp, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const here = import.meta.dirname;
const dist = join(here, 'dist');
/** What the files in `dist` were built from. */
const STAMP = 'built-from';
const OLD_ASSET_MS = 7 * 24 * 3600 * 1000;

const SOURCES = [
  'apps/web/{index.html,package.json,tsconfig.json,vite.config.ts,build.ts}',
  'apps/web/{src,public}/**/*.*',
  'packages/client/src/**/*.ts',
  'packages/shared/src/{protocol,util}/**/*.ts',
  'package-lock.json',
];

/** A digest of everything that the page is made of. Takes some milliseconds. */
function sourceDigest(): string {
  const root = join(here, '../..');
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap((pattern) => globSync(pattern, { cwd: root })).toSorted()) {
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

function isBuiltFrom(digest: string): boolean {
  const stamp = join(dist, STAMP);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === digest;
}

/** Assets of the page before this one: a page that is open loads its parts lazily. */
async function keepRecentAssets(from: string, to: string): Promise<void> {
  const names = await readdir(from).catch(() => []);
  for (const name of names) {
    const { mtimeMs } = await stat(join(from, name));
    const isKept = existsSync(join(to, name)) || Date.now() - mtimeMs > OLD_ASSET_MS;
    if (!isKept) await cp(join(from, name), join(to, name), { preserveTimestamps: true });
  }
}

async function buildPage(digest: string): Promise<void> {
  const draft = join(here, `dist.${process.pid}`);
  // Whoever starts this (a test runner, a server) may be in another mode; the page is always the real one.
  process.env['NODE_ENV'] = 'production';
  // Loaded only for a build: most calls find that nothing has changed.
  const { build } = await import('vite');
  try {
    await build({
      configFile: join(here, 'vite.config.ts'),
      configLoader: 'native',
      logLevel: 'warn',
      build: { outDir: draft },
    });
    await mkdir(join(draft, 'assets'), { recursive: true });
    await keepRecentAssets(join(dist, 'assets'), join(draft, 'assets'));
    await writeFile(join(draft, STAMP), digest);
    await rm(dist, { recursive: true, force: true });
    await rename(draft, dist).catch((error: unknown) => {
      // Another build of the same sources was quicker.
      if (!isBuiltFrom(digest)) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

const digest = sourceDigest();
if (!isBuiltFrom(digest)) {
  if (process.argv.includes('--check')) process.exitCode = 1;
  else await buildPage(digest);
}
