// Packs files into a package tarball, for the registry that the set-up tests talk to.
import { gzipSync } from 'node:zlib';

/** `name` is the path inside the package; the mode is 0755 for all. */
export interface PackedFile {
  readonly name: string;
  readonly content: Buffer;
}

/** A gzipped tar in the layout npm expects: everything under `package/`. */
export function packTarball(files: readonly PackedFile[]): Buffer {
  const blocks = files.flatMap((file) => [header(file), file.content, padding(file.content.length)]);
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]), { level: 1 });
}

function header({ name, content }: PackedFile): Buffer {
  const block = Buffer.alloc(512);
  block.write(`package/${name}`, 0, 100);
  block.write('0000755\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write('        ', 148);
  block.write('0', 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function padding(length: number): Buffer {
  return Buffer.alloc((512 - (length % 512)) % 512);
}
