// Closes its stdin, so that every write to it fails with EPIPE, says so, and lives on until a signal.
import { closeSync } from 'node:fs';

closeSync(0);
process.stdout.write('{"closed":true}\n');
setInterval(() => {}, 1_000);
