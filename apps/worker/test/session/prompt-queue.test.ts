import { describe, expect, it } from 'vitest';
import { PromptId, textContent, UserId } from '@holdfast/shared/protocol';
import type { QueueChange } from '@holdfast/shared/store';
import { PromptQueue, type WaitingPrompt } from '../../src/session/prompt-queue.ts';

const prompt = (id: string, attempt = 1): WaitingPrompt => ({
  promptId: PromptId.parse(id),
  content: textContent(id),
  by: UserId.parse('local'),
  attempt,
});

/** Redis' side of the queue: what the changes leave there, in order. */
function storedAfter(changes: readonly QueueChange[]): { score: number; json: string }[] {
  const stored = new Map<string, { score: number; json: string }>();
  for (const change of changes) {
    if (change.op === 'put') stored.set(change.promptId, { score: change.score, json: change.json });
    else stored.delete(change.promptId);
  }
  return [...stored.values()].sort((one, other) => one.score - other.score);
}

function drain(queue: PromptQueue): string[] {
  const order: string[] = [];
  for (let next = queue.next(); next !== undefined; next = queue.next()) {
    order.push(next.promptId);
    queue.remove(next.promptId);
  }
  return order;
}

describe('the prompt queue', () => {
  it('is first in, first out, and a returned prompt is in front [B-01] [B-02]', () => {
    const queue = new PromptQueue([], false);
    queue.add(prompt('a'));
    queue.add(prompt('b'));
    queue.putBack(prompt('c', 2));
    expect(queue.next()).toEqual(prompt('c', 2));
    expect(drain(queue)).toEqual(['c', 'a', 'b']);
  });

  it('the stored queue gives the same order to the next owner, attempts included [B-07]', () => {
    const queue = new PromptQueue([], false);
    const changes = [
      queue.add(prompt('a')),
      queue.add(prompt('b')),
      queue.remove('a'),
      queue.putBack(prompt('a', 2)),
      queue.add(prompt('c')),
      queue.remove('b'),
    ];
    const next = new PromptQueue(storedAfter(changes), false);
    expect(next.next()).toEqual(prompt('a', 2));
    expect(drain(next)).toEqual(['a', 'c']);
  });

  it('gives nothing while it is paused, and keeps what waits', () => {
    const queue = new PromptQueue([{ score: 1, json: JSON.stringify(prompt('a')) }], true);
    expect(queue.next()).toBeUndefined();
    expect(queue.size).toBe(1);
    queue.isPaused = false;
    expect(queue.next()?.promptId).toBe('a');
  });

  it('knows which prompts wait', () => {
    const queue = new PromptQueue([], false);
    queue.add(prompt('a'));
    expect([queue.has('a'), queue.has('b')]).toEqual([true, false]);
  });

  it('clearing it says what to remove', () => {
    const queue = new PromptQueue([], false);
    const added = [queue.add(prompt('a')), queue.add(prompt('b'))];
    const changes = queue.clear();
    expect(changes).toHaveLength(2);
    expect(storedAfter([...added, ...changes])).toEqual([]);
    expect(queue.size).toBe(0);
  });

  it('a prompt stored by a version that did not count attempts is at its first', () => {
    const { attempt: _attempt, ...old } = prompt('a');
    expect(new PromptQueue([{ score: 1, json: JSON.stringify(old) }], false).next()?.attempt).toBe(1);
  });
});
