// Preloaded into a server process by a test: on its parent's word it blocks the event loop, or steps the wall clock.
const realNow = Date.now;
const RealDate = Date;
let offset = 0;

class SteppedDate extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(realNow() + offset);
    else super(...args);
  }
  static now() {
    return realNow() + offset;
  }
}
globalThis.Date = SteppedDate;

process.on('message', (message) => {
  if (message?.meddle === 'clock') offset += message.ms;
  if (message?.meddle === 'block') {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message.ms);
  }
});
process.channel?.unref();
