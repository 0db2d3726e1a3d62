// A package registry on loopback that npm really installs from; it can lack packages, be slow, or be gone.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { packTarball, type PackedFile } from './tar.ts';

export interface RegistryPackage {
  readonly manifest: { readonly name: string; readonly version: string } & Readonly<Record<string, unknown>>;
  readonly files: Readonly<Record<string, string | Buffer>>;
}

export interface Registry extends AsyncDisposable {
  readonly url: string;
  /** How often a tarball was fetched. */
  readonly downloads: () => number;
  /** Names that answer 404 from now on. */
  readonly withhold: (...names: string[]) => void;
  readonly integrityOf: (name: string) => string;
}

export async function startRegistry(packages: readonly RegistryPackage[]): Promise<Registry> {
  const packed = new Map(packages.map((entry) => [entry.manifest.name, { entry, tarball: pack(entry) }]));
  const withheld = new Set<string>();
  let downloads = 0;
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').split('?')[0] ?? '').slice(1);
    const name = path.replace(/\/-\/.*$/, '');
    const found = withheld.has(name) ? undefined : packed.get(name);
    if (found === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
    } else if (path === name) {
      const text = JSON.stringify(packument(found.entry, found.tarball, `http://${request.headers.host}`));
      response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    } else {
      downloads += 1;
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(found.tarball);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/`,
    downloads: () => downloads,
    withhold: (...names) => names.forEach((name) => withheld.add(name)),
    integrityOf: (name) => integrity(packed.get(name)?.tarball ?? Buffer.alloc(0)),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function pack({ manifest, files }: RegistryPackage): Buffer {
  const all: PackedFile[] = [
    { name: 'package.json', content: Buffer.from(JSON.stringify(manifest)) },
    ...Object.entries(files).map(([name, content]) => ({ name, content: Buffer.from(content) })),
  ];
  return packTarball(all);
}

function packument({ manifest }: RegistryPackage, tarball: Buffer, origin: string): unknown {
  const { name, version } = manifest;
  const file = `${name.replace(/^.*\//, '')}-${version}.tgz`;
  const dist = { tarball: `${origin}/${name}/-/${file}`, integrity: integrity(tarball) };
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
}

function integrity(content: Buffer): string {
  return `sha512-${createHash('sha512').update(content).digest('base64')}`;
}
