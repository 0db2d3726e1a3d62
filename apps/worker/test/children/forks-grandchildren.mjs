// Starts processes that sleep for the seconds in its first argument, each escaping in another way, then reports.
// Its second argument says what it does itself: `stays` lives on and ignores all, `exits` ends at once.
import { spawn } from 'node:child_process';

const [seconds = '60', what = 'stays'] = process.argv.slice(2);
const stdio = ['ignore', 'inherit', 'inherit'];
spawn('sleep', [seconds], { stdio });
spawn('setsid', ['sleep', seconds], { stdio });
spawn('sh', ['-c', `sleep ${seconds} & disown; exit 0`], { stdio, detached: true });
if (process.env.WITHOUT_MARKER === '1') spawn('setsid', ['env', '-i', 'sleep', seconds], { stdio });
process.stdout.write('{"ready":true}\n', () => {
  if (what === 'exits') process.exit(0);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
setInterval(() => {}, 1_000);
