import { describe, expect, it } from 'vitest';
import { mediaTypeOf } from '../../src/sessions/media-type.ts';

const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const png = Buffer.from(PNG, 'base64');
const webp = (size: number): Buffer => {
  const data = Buffer.from('RIFF\0\0\0\0WEBPVP8 ');
  data.writeUInt32LE(size, 4);
  return data;
};

describe('what a file is, by its bytes [B-09]', () => {
  it.each([
    ['a PNG', png, 'image/png'],
    ['a JPEG', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 0xff, 0xd9]), 'image/jpeg'],
    ['a GIF', Buffer.from('GIF89a;'), 'image/gif'],
    ['a WebP', webp(8), 'image/webp'],
    ['a PDF', Buffer.from('%PDF-1.7\n\0'), 'application/pdf'],
    ['text in UTF-8', Buffer.from('Größe: 3 €\n'), 'text/plain'],
    ['a program text', Buffer.from('#!/bin/sh\nexit 0\n'), 'text/plain'],
  ])('%s', (_what, data, type) => expect(mediaTypeOf(data)).toBe(type));

  it.each([
    ['a PNG that breaks off', png.subarray(0, 40)],
    ['a JPEG that breaks off', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2])],
    ['a GIF that breaks off', Buffer.from('GIF89a')],
    ['a WebP that breaks off', webp(500)],
    ['a sound in the wrapping of a WebP', Buffer.from('RIFF\0\0\0\0WAVE')],
    ['a program', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 0, 0])],
    ['a zip', Buffer.from([0x50, 0x4b, 3, 4, 0xff, 0xfe])],
    ['text of another encoding', Buffer.from([0x47, 0x72, 0xf6, 0xdf, 0x65])],
  ])('refuses %s', (_what, data) => expect(mediaTypeOf(data)).toBeNull());
});
