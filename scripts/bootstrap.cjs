// Entry of the npm scripts: runs on whatever Node the machine has. ES5 on purpose, so that an old Node
// can parse it and say what is wrong; everything newer is in files that load only after the check.
'use strict';

var oldestMajor = 18;

if (parseInt(process.versions.node, 10) < oldestMajor) {
  process.stderr.write(
    'holdfast: Node.js ' +
      process.versions.node +
      ' is too old. Install Node.js ' +
      oldestMajor +
      ' or newer (https://nodejs.org), then run the same command again.\n',
  );
  process.exitCode = 1;
} else {
  require('./bootstrap/start.cjs');
}
