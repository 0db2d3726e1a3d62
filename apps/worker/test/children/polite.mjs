// Echoes each line of stdin as {"echo": …}; exits 0 at the end of stdin.
import { createInterface } from 'node:readline';

const report = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
report({ pid: process.pid, cwd: process.cwd(), env: process.env });
for await (const line of createInterface({ input: process.stdin })) report({ echo: line });
