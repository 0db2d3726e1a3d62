// Says which signal of its first argument it obeys (and exits 0), and ignores those of its further arguments and
// the end of stdin.
const [obeyed, ...ignored] = process.argv.slice(2);
const report = (value, done = () => {}) => process.stdout.write(`${JSON.stringify(value)}\n`, done);
for (const signal of ignored) process.on(signal, () => report({ ignored: signal }));
if (obeyed !== 'SIGKILL') process.on(obeyed, () => report({ obeyed }, () => process.exit(0)));
process.stdin.on('end', () => report({ ignored: 'end of input' })).resume();
setInterval(() => {}, 1_000);
report({ pid: process.pid });
