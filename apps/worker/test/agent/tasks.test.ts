import { describe, expect, it } from 'vitest';
import { EventMapper } from '../../src/agent/event-mapper.ts';
import { FRESH, mapAll, turnId } from './mapping.ts';

const started = (id: string, fields: Record<string, unknown> = {}): unknown => ({
  type: 'system',
  subtype: 'task_started',
  task_id: id,
  tool_use_id: `toolu_${id}`,
  description: 'sleep 60',
  task_type: 'local_bash',
  ...fields,
});
const updated = (id: string, status?: string): unknown => ({
  type: 'system',
  subtype: 'task_updated',
  task_id: id,
  patch: status === undefined ? {} : { status },
});
const notified = (id: string, status: string): unknown => ({
  type: 'system',
  subtype: 'task_notification',
  task_id: id,
  status,
});

describe('the tasks of a CLI', () => {
  it('are told when they begin, with the call that began them', () => {
    const mapper = new EventMapper(FRESH);
    const { events } = mapAll(mapper, [started('b1'), started('a1', { task_type: 'local_agent' })]);
    const of = { type: 'task_started', turnId, description: 'sleep 60' };
    expect(events).toEqual([
      { ...of, taskId: 'b1', toolCallId: 'toolu_b1', kind: 'shell' },
      { ...of, taskId: 'a1', toolCallId: 'toolu_a1', kind: 'agent' },
    ]);
    expect(mapper.outstandingTasks).toEqual(['b1', 'a1']);
  });

  it('end once, though the CLI tells it twice', () => {
    const mapper = new EventMapper(FRESH);
    mapAll(mapper, [started('b1'), started('b2'), started('b3')]);
    const { events } = mapAll(mapper, [
      updated('b1'),
      updated('b1', 'running'),
      updated('b1', 'completed'),
      notified('b1', 'completed'),
      notified('b2', 'stopped'),
      updated('b2', 'killed'),
      notified('b3', 'failed'),
    ]);
    const ended = (taskId: string, status: string): unknown => ({
      type: 'task_ended',
      turnId,
      taskId,
      status,
    });
    expect(events).toEqual([ended('b1', 'completed'), ended('b2', 'stopped'), ended('b3', 'failed')]);
    expect(mapper.outstandingTasks).toEqual([]);
  });

  it('of a kind that is not known, without a call or a description, are told all the same', () => {
    const bare = started('x1', { task_type: 'from_tomorrow', tool_use_id: null, description: null });
    const { events } = mapAll(new EventMapper(FRESH), [bare]);
    expect(events).toMatchObject([{ taskId: 'x1', kind: 'other', toolCallId: null, description: '' }]);
  });

  it('that never began do not end', () => {
    expect(mapAll(new EventMapper(FRESH), [notified('b9', 'completed')]).events).toEqual([]);
  });
});
