// Loads the bootstrap proper. Apart from bootstrap.cjs because an old Node cannot parse `import()`.
'use strict';

void import('./main.mjs').then((bootstrap) => bootstrap.main(process.argv.slice(2)));
