// Writes its first argument without a newline, says its second one on stderr, and ends as its third says.
import { writeSync } from 'node:fs';

const [text = '', lament = '', how = '1'] = process.argv.slice(2);
writeSync(1, text);
writeSync(2, lament);
if (how.startsWith('SIG')) process.kill(process.pid, how);
else process.exit(Number(how));
