// What the owner's side of one session is given, and what it tells.
import type { SessionView, WorkerId } from '@holdfast/shared/protocol';
import type { Logger } from '@holdfast/shared/runtime';
import type { CommandInbox, EventLog, Ownership, SessionMeta } from '@holdfast/shared/store';
import type { ApprovalEnvironment } from '../approvals/session-approvals.ts';
import type { Admission } from './admission.ts';
import type { ChildLimits } from './child-care.ts';
import type { ChildEnvironment } from './child-host.ts';
import type { PromptBlocks } from './prompt-blocks.ts';
import type { PromptQueue, WaitingPrompt } from './prompt-queue.ts';
import type { SessionFiles } from './session-files.ts';

export interface SessionRunnerDeps {
  readonly log: EventLog;
  readonly inbox: CommandInbox;
  readonly blocks: PromptBlocks;
  readonly logger: Logger;
  readonly environment: ChildEnvironment;
  readonly files: SessionFiles;
  readonly owner: Ownership;
  readonly workerId: WorkerId;
  readonly meta: SessionMeta;
  /** The view at the head of the log, and the queue, as the last owner left them. */
  readonly view: SessionView;
  readonly queue: PromptQueue;
  /** Prompts that the last owner had begun and not ended. */
  readonly taken: readonly WaitingPrompt[];
  readonly now: () => number;
  /** Places for children, shared by all sessions of the worker. */
  readonly admission: Admission;
  readonly limits: ChildLimits;
  /** What settles what agents may do, the same for all sessions of the worker. */
  readonly approvals: ApprovalEnvironment;
  /** The session has something to do (a turn, an approval, a prompt that waits), or has nothing any more. */
  readonly onActive: (isActive: boolean) => void;
  /** The runner is finished with the session: lost to another owner, deleted by its user, or put to rest. */
  readonly onOver: (reason: RunnerOver) => void;
}

export type RunnerOver = 'lost' | 'deleted' | 'parked';

/** Why the loop is woken. A closed set: what wakes it decides nothing by itself. */
export type WakeReason =
  | 'started'
  | 'doorbell'
  | 'may_start'
  | 'child_ready'
  | 'child_over'
  | 'turn_over'
  | 'task'
  | 'lost'
  | 'stop';
