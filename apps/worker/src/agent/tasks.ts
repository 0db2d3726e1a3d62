// The tasks that a running CLI tells of: shell commands in the background or that take long, subagents. Keeps which of
// them have not ended, since only those can be stopped and only those keep the CLI busy between turns.
import type { EventBodyOf, TaskKind, TurnId } from '@holdfast/shared/protocol';
import { z } from 'zod';

type TaskEvent = EventBodyOf<'task_started'> | EventBodyOf<'task_ended'>;

const Started = z.looseObject({
  subtype: z.literal('task_started'),
  task_id: z.string(),
  tool_use_id: z.string().nullish(),
  task_type: z.string().nullish(),
  description: z.string().nullish(),
});
/** Told at once for what ends in the background; the notification may come later. */
const Updated = z.looseObject({
  subtype: z.literal('task_updated'),
  task_id: z.string(),
  patch: z.looseObject({ status: z.string().nullish() }),
});
const Notified = z.looseObject({
  subtype: z.literal('task_notification'),
  task_id: z.string(),
  status: z.string(),
});

const KINDS: ReadonlyMap<string, TaskKind> = new Map([
  ['local_bash', 'shell'],
  ['local_agent', 'agent'],
]);
const ENDS: ReadonlyMap<string, EventBodyOf<'task_ended'>['status']> = new Map([
  ['completed', 'completed'],
  ['failed', 'failed'],
  ['stopped', 'stopped'],
  ['killed', 'stopped'],
]);

export class Tasks {
  readonly #outstanding = new Set<string>();

  /** Ids of the tasks that have not ended, oldest first. */
  get outstanding(): readonly string[] {
    return [...this.#outstanding];
  }

  /** The events of a `system` message about a task; undefined when it is about something else. */
  take(message: unknown, turnId: TurnId | null): TaskEvent[] | undefined {
    const started = Started.safeParse(message);
    if (started.success) return this.#started(started.data, turnId);
    const updated = Updated.safeParse(message);
    if (updated.success) return this.#ended(updated.data.task_id, updated.data.patch.status, turnId);
    const notified = Notified.safeParse(message);
    if (notified.success) return this.#ended(notified.data.task_id, notified.data.status, turnId);
    return undefined;
  }

  #started(task: z.infer<typeof Started>, turnId: TurnId | null): TaskEvent[] {
    this.#outstanding.add(task.task_id);
    return [
      {
        type: 'task_started',
        turnId,
        taskId: task.task_id,
        toolCallId: task.tool_use_id ?? null,
        kind: KINDS.get(task.task_type ?? '') ?? 'other',
        description: task.description ?? '',
      },
    ];
  }

  /** The CLI tells most ends twice; the first counts. */
  #ended(taskId: string, cliStatus: string | null | undefined, turnId: TurnId | null): TaskEvent[] {
    const status = ENDS.get(cliStatus ?? '');
    if (status === undefined || !this.#outstanding.delete(taskId)) return [];
    return [{ type: 'task_ended', turnId, taskId, status }];
  }
}
