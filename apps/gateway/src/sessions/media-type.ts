// What a file is, told by its bytes; names and what a client says do not count. Pure.
import type { UploadMediaType } from '@holdfast/shared/protocol';

/** The type of a whole image, a PDF, or text in UTF-8; null for anything else, and for an image that breaks off. */
export function mediaTypeOf(data: Buffer): UploadMediaType | null {
  const image = IMAGES.find(({ start }) => data.subarray(0, start.length).equals(start));
  if (image !== undefined) return image.isWhole(data) ? image.mediaType : null;
  if (data.subarray(0, 5).toString('latin1') === '%PDF-') return 'application/pdf';
  return isText(data) ? 'text/plain' : null;
}

interface ImageKind {
  readonly mediaType: UploadMediaType;
  readonly start: Buffer;
  readonly isWhole: (data: Buffer) => boolean;
}

const IMAGES: readonly ImageKind[] = [
  {
    mediaType: 'image/png',
    start: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    isWhole: (data) => data.toString('latin1', 12, 16) === 'IHDR' && data.includes('IEND', -16, 'latin1'),
  },
  {
    mediaType: 'image/jpeg',
    start: Buffer.from([0xff, 0xd8, 0xff]),
    isWhole: (data) => data.lastIndexOf(Buffer.from([0xff, 0xd9])) > 2,
  },
  { mediaType: 'image/gif', start: Buffer.from('GIF8'), isWhole: (data) => data.at(-1) === 0x3b },
  {
    mediaType: 'image/webp',
    start: Buffer.from('RIFF'),
    isWhole: (data) =>
      data.toString('latin1', 8, 12) === 'WEBP' &&
      data.length >= 12 &&
      data.readUInt32LE(4) + 8 <= data.length,
  },
];

function isText(data: Buffer): boolean {
  if (data.includes(0)) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(data);
    return true;
  } catch {
    return false;
  }
}
