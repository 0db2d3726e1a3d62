// Writes one line byte by byte, so that every character of several bytes is cut.
import { writeSync } from 'node:fs';

for (const byte of Buffer.from(`${JSON.stringify({ text: process.argv[2] })}\n`))
  writeSync(1, Buffer.of(byte));
