// Builds the client as a package of its own in `dist/`: the private protocol is bundled in, types as well.
// Usage: npm run build -w packages/client. Exits with 1 when publint finds fault with the result.
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { build } from 'tsdown';
import manifest from './package.json' with { type: 'json' };

const here = fileURLToPath(new URL('.', import.meta.url));

/** What the bundle leaves to the package manager; `#websocket` is answered by the manifest below. */
const EXTERNAL = ['zod', 'ws', '#websocket'];

function publishedManifest(): Record<string, unknown> {
  const { name, version, dependencies } = manifest;
  return {
    name,
    version,
    description: 'Client of Holdfast for browsers and Node',
    license: 'UNLICENSED',
    type: 'module',
    sideEffects: false,
    imports: { '#websocket': { node: './websocket-node.js', default: './websocket-browser.js' } },
    exports: { '.': { types: './index.d.ts', default: './index.js' }, './package.json': './package.json' },
    engines: { node: '>=22' },
    dependencies: { ws: dependencies.ws, zod: dependencies.zod },
  };
}

/** Builds into `outDir` and gives back what publint found, as sentences. */
export async function buildPackage(outDir: string): Promise<readonly string[]> {
  await rm(outDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });
  await build({
    cwd: here,
    config: false,
    entry: ['src/index.ts', 'src/websocket-node.ts', 'src/websocket-browser.ts'],
    outDir,
    format: 'esm',
    platform: 'browser',
    dts: true,
    logLevel: 'error',
    deps: { neverBundle: EXTERNAL, alwaysBundle: [/^@holdfast\/shared\//], onlyBundle: false },
  });
  await writeFile(`${outDir}/package.json`, `${JSON.stringify(publishedManifest(), null, 2)}\n`);
  await copyFile(`${here}README.md`, `${outDir}/README.md`);
  const { messages } = await publint({ pkgDir: outDir, strict: true, pack: false });
  return messages.map((message) => `${message.type}: ${message.code} at ${message.path.join('.')}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outDir = `${here}dist`;
  const findings = await buildPackage(outDir);
  for (const finding of findings) process.stderr.write(`${finding}\n`);
  process.stderr.write(findings.length === 0 ? `built and linted: ${outDir}\n` : 'publint found faults\n');
  process.exitCode = findings.length === 0 ? 0 : 1;
}
