// What every failure of the set-up looks like: one line on stderr that says what is wrong and what to do.

/** A failure that a person can do something about. `fix` is a finished sentence. */
export class SetupFailure extends Error {
  constructor(what, fix) {
    super(`${what} ${fix}`);
    this.name = 'SetupFailure';
    this.code = 'setup_failed';
  }
}

export function report(line) {
  process.stderr.write(`holdfast: ${line}\n`);
}
