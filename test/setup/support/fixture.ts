// A small checkout with the real bootstrap, whose packages come from a loopback registry and take no time.
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startRegistry, type Registry, type RegistryPackage } from './registry.ts';

export const repository = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');

const PLATFORM = `${process.platform}-${process.arch}`;
const NODE = 'node';
export const NODE_BINARY = `node-${PLATFORM}`;
const VERSION = '24.21.0';

/** What `npm run up` runs in a fixture: says under which Node it runs, then waits or ends as it is told. */
const UP = `
const [how, value] = process.argv.slice(2);
console.log('started under', process.versions.node, process.execPath);
process.on('SIGTERM', () => { console.log('got SIGTERM'); process.exit(0); });
process.on('disconnect', () => { console.log('disconnected'); process.exit(0); });
if (how === 'wait') setInterval(() => {}, 1000);
else process.exit(Number(value ?? 0));
`;

export interface Fixture extends AsyncDisposable {
  readonly dir: string;
  readonly registry: Registry;
  /** An environment in which npm uses the fixture's registry and a cache of its own. */
  readonly env: NodeJS.ProcessEnv;
}

export interface FixtureOptions {
  /** Bytes of incompressible ballast in the platform package. */
  readonly ballast?: Buffer;
}

export async function createFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const root = await mkdtemp(join(tmpdir(), 'hf-setup-'));
  await chmod(root, 0o755);
  const dir = join(root, 'checkout');
  const registry = await startRegistry(packages(options));
  await mkdir(join(dir, 'apps/cli/src/up'), { recursive: true });
  await cp(join(repository, 'scripts'), join(dir, 'scripts'), { recursive: true });
  await writeFile(join(dir, 'apps/cli/src/up/main.ts'), UP);
  await writeManifests(dir, registry);
  return {
    dir,
    registry,
    env: {
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      HOME: root,
      npm_config_registry: registry.url,
      npm_config_cache: join(root, 'cache'),
      npm_config_update_notifier: 'false',
    },
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** A file for `node --require` that makes a process believe it runs on another machine. */
export async function writePretence(dir: string, code: string): Promise<string> {
  const file = join(dir, '..', 'pretend.cjs');
  await writeFile(file, code);
  return file;
}

async function writeManifests(dir: string, registry: Registry): Promise<void> {
  const manifest = {
    name: 'fixture',
    version: '1.0.0',
    scripts: { up: 'exec node scripts/bootstrap.cjs up' },
    devDependencies: { [NODE]: VERSION },
    optionalDependencies: { [NODE_BINARY]: VERSION },
    allowScripts: { [NODE]: true },
  };
  const lock = {
    name: 'fixture',
    version: '1.0.0',
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': manifest,
      [`node_modules/${NODE}`]: {
        version: VERSION,
        integrity: registry.integrityOf(NODE),
        dev: true,
        hasInstallScript: true,
        bin: { node: 'bin/node' },
      },
      [`node_modules/${NODE_BINARY}`]: {
        version: VERSION,
        integrity: registry.integrityOf(NODE_BINARY),
        optional: true,
        os: [process.platform],
        cpu: [process.arch],
      },
    },
  };
  await writeFile(join(dir, 'package.json'), JSON.stringify(manifest, null, 2));
  await writeFile(join(dir, 'package-lock.json'), JSON.stringify(lock, null, 2));
}

/** Stand-ins for the pinned Node: small scripts that start the Node of this test run. */
function packages(options: FixtureOptions): RegistryPackage[] {
  const script = `#!/bin/sh\nexec '${process.execPath}' "$@"\n`;
  return [
    {
      manifest: {
        name: NODE,
        version: VERSION,
        bin: { node: 'bin/node' },
        scripts: { preinstall: 'node install.js' },
      },
      files: {
        'install.js': `require('fs').mkdirSync('bin', {recursive: true});
          require('fs').writeFileSync('bin/node', ${JSON.stringify(script)}, {mode: 0o755});`,
      },
    },
    {
      manifest: { name: NODE_BINARY, version: VERSION, os: [process.platform], cpu: [process.arch] },
      files: { 'bin/node': script, ...(options.ballast === undefined ? {} : { ballast: options.ballast }) },
    },
  ];
}
