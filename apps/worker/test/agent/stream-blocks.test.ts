import { describe, expect, it } from 'vitest';
import { StreamBlocks } from '../../src/agent/stream-blocks.ts';

const MAIN = '';

function streaming(messageId: string, ...blocks: number[]): StreamBlocks {
  const streams = new StreamBlocks();
  streams.begin(MAIN, messageId);
  for (const block of blocks) streams.open(MAIN, block, 'text');
  return streams;
}

describe('streaming blocks [D-09]', () => {
  it('a delta is found under the message that will close it', () => {
    const streams = streaming('m1', 0, 1);
    expect(streams.find(MAIN, 1)).toEqual({ messageId: 'm1', block: 1, kind: 'text' });
    expect(streams.find(MAIN, 2)).toBeUndefined();
    expect(streams.find('other', 0)).toBeUndefined();
  });

  it('finished blocks are numbered in their order, and are open no longer', () => {
    const streams = streaming('m1', 0, 1);
    expect(streams.complete(MAIN, 'm1')).toEqual({ block: 0, superseded: [] });
    expect(streams.find(MAIN, 0)).toBeUndefined();
    expect(streams.complete(MAIN, 'm1')).toEqual({ block: 1, superseded: [] });
    expect(streams.clear()).toEqual([]);
  });

  it('an answer repeated under another id supersedes what was still open', () => {
    const streams = streaming('m1', 0, 1);
    streams.complete(MAIN, 'm1');
    expect(streams.complete(MAIN, 'm2')).toEqual({ block: 0, superseded: [{ messageId: 'm1', block: 1 }] });
  });

  it('a new message in the stream supersedes what was still open, the same message again does not', () => {
    const streams = streaming('m1', 0);
    expect(streams.begin(MAIN, 'm1')).toEqual([]);
    expect(streams.find(MAIN, 0)).toBeDefined();
    expect(streams.begin(MAIN, 'm2')).toEqual([{ messageId: 'm1', block: 0 }]);
    expect(streams.find(MAIN, 0)).toBeUndefined();
  });

  it('a subagent has a stream of its own', () => {
    const streams = streaming('m1', 0);
    expect(streams.complete('task-1', 'm9')).toEqual({ block: 0, superseded: [] });
    expect(streams.find(MAIN, 0)).toEqual({ messageId: 'm1', block: 0, kind: 'text' });
  });

  it('the end of a turn gives every open block once and forgets all', () => {
    const streams = streaming('m1', 0, 1);
    streams.begin('task-1', 'm2');
    streams.open('task-1', 0, 'thinking');
    expect(streams.clear()).toEqual([
      { messageId: 'm1', block: 0 },
      { messageId: 'm1', block: 1 },
      { messageId: 'm2', block: 0 },
    ]);
    expect(streams.clear()).toEqual([]);
  });

  it('a block before any message belongs to nothing', () => {
    const streams = new StreamBlocks();
    streams.open(MAIN, 0, 'text');
    expect(streams.find(MAIN, 0)).toBeUndefined();
  });
});
