// Adds to package-lock.json the optional platform packages that a registry without all platforms left out.
// `npm install` drops an optional package it cannot find; `npm ci` then refuses the whole lock file.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PLATFORM = /(?:^|[-/])(android|darwin|freebsd|linux|openharmony|win32)-([a-z0-9]+)(?:-([a-z]+))?$/;

/**
 * The optional dependencies that the lock file names but has no entry for: `{path, entry}` each, as npm would
 * write them but for the integrity, which only the registry knows. Throws where the name does not tell the
 * platform, since such an entry would be installed everywhere.
 */
export function missingOptionalEntries(lock) {
  const missing = [];
  for (const [path, holder] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(holder.optionalDependencies ?? {})) {
      if (isLocked(lock.packages, path, name)) continue;
      missing.push({ path: `node_modules/${name}`, entry: platformEntry(name, version, holder) });
    }
  }
  return missing;
}

function isLocked(packages, from, name) {
  for (let base = from; ;) {
    if (packages[`${base === '' ? '' : `${base}/`}node_modules/${name}`] !== undefined) return true;
    if (base === '') return false;
    base = base.slice(0, Math.max(0, base.lastIndexOf('node_modules/') - 1));
  }
}

function platformEntry(name, version, holder) {
  // The WebAssembly build of a package: for no processor that Node reports, so never installed by itself.
  if (name.endsWith('-wasm32-wasi') && /^\d/.test(version)) {
    return { version, cpu: ['wasm32'], ...(holder.dev ? { dev: true } : {}), optional: true };
  }
  const [, os, cpu, tail] = PLATFORM.exec(name) ?? [];
  if (os === undefined || !/^\d/.test(version)) {
    throw new Error(`${name}@${version}: add this package to package-lock.json by hand, with its os and cpu`);
  }
  const libc = os === 'linux' ? { gnu: 'glibc', musl: 'musl' }[tail] : undefined;
  return {
    version,
    cpu: [cpu],
    ...(holder.dev ? { dev: true } : {}),
    ...(libc === undefined ? {} : { libc: [libc] }),
    optional: true,
    os: [os],
  };
}

function main() {
  const file = fileURLToPath(new URL('../package-lock.json', import.meta.url));
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const missing = missingOptionalEntries(lock);
  for (const { path, entry } of missing) lock.packages[path] = entry;
  const paths = Object.keys(lock.packages).sort((a, b) => a.localeCompare(b, 'en'));
  lock.packages = Object.fromEntries(paths.map((path) => [path, lock.packages[path]]));
  if (missing.length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  process.stderr.write(`package-lock.json: ${missing.length} platform packages added\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
