// Writes as many numbered lines as its argument says, waiting whenever the pipe is full, then exits 0.
import { once } from 'node:events';

const count = Number(process.argv[2]);
const padding = 'x'.repeat(Number(process.argv[3] ?? 100));
for (let n = 1; n <= count; n += 1) {
  if (!process.stdout.write(`${JSON.stringify({ n, padding })}\n`)) await once(process.stdout, 'drain');
}
