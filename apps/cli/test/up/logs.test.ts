import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lastComplaint, PartLog } from '../../src/up/logs.ts';

let dir: string;
let log: PartLog;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hf-logs-'));
  log = new PartLog(dir, 'gateway');
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('the log of a part', () => {
  it('keeps the run before in one old file', () => {
    for (const run of ['first', 'second', 'third']) {
      log.rotate();
      log.withDescriptor((descriptor) => writeSync(descriptor, run));
    }
    expect(readFileSync(log.path, 'utf8')).toBe('third');
    expect(readFileSync(`${log.path}.1`, 'utf8')).toBe('second');
  });

  it('that has grown too long is emptied, and its writer goes on at the start', () => {
    const writer = openSync(log.path, 'a');
    writeSync(writer, Buffer.alloc(21 * 1024 * 1024, 'x'));
    log.bound();
    writeSync(writer, 'after');
    closeSync(writer);
    expect(readFileSync(log.path, 'utf8')).toBe('after');
    expect(readFileSync(`${log.path}.1`)).toHaveLength(21 * 1024 * 1024);
  });

  it('that is not too long is left alone', () => {
    log.withDescriptor((descriptor) => writeSync(descriptor, 'line'));
    log.bound();
    expect(log.tail(1)).toBe('ine');
  });
});

describe('why a part could not start', () => {
  it('is its own last word on it, among the lines of its log', () => {
    expect(lastComplaint('{"level":"fatal"}\nholdfast: first\nholdfast: port taken\n{}')).toBe('port taken');
  });

  it('is the error of Node where the part could not be loaded', () => {
    const tail = 'node:internal\nError [ERR_MODULE_NOT_FOUND]: Cannot find module /x\n    at y\n';
    expect(lastComplaint(tail)).toBe('Error [ERR_MODULE_NOT_FOUND]: Cannot find module /x');
    expect(lastComplaint('nothing of use')).toBeUndefined();
  });
});
