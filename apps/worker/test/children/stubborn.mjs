// Lives on after the end of stdin and after every signal named in its arguments; ends on the others.
const report = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
for (const signal of process.argv.slice(2)) process.on(signal, () => report({ ignored: signal }));
process.stdin.on('end', () => report({ ignored: 'end of input' })).resume();
setInterval(() => {}, 1_000);
report({ pid: process.pid });
