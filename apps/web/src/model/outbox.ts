// Prompts on their way: kept in the browser until the service has them, so that a reload in between loses none.
// Each keeps its id, so sending one again after a reload never runs it twice.
import { mintId, PromptId, WhenBusy, type SessionId } from '@holdfast/shared/protocol';
import { HoldfastError, type Session } from '@holdfast/client';
import { z } from 'zod';
import { readStored, writeStored } from './storage.ts';

const Entry = z.object({ promptId: PromptId, text: z.string(), whenBusy: WhenBusy.optional() });
type Entry = z.infer<typeof Entry>;

const nameOf = (sessionId: SessionId): string => `outbox:${sessionId}`;

function read(sessionId: SessionId): readonly Entry[] {
  try {
    const parsed = z.array(Entry).safeParse(JSON.parse(readStored(nameOf(sessionId)) ?? '[]'));
    return parsed.success ? parsed.data : [];
  } catch {
    return [];
  }
}

function write(sessionId: SessionId, entries: readonly Entry[]): void {
  writeStored(nameOf(sessionId), entries.length === 0 ? undefined : JSON.stringify(entries));
}

function forget(sessionId: SessionId, promptId: PromptId): void {
  write(
    sessionId,
    read(sessionId).filter((entry) => entry.promptId !== promptId),
  );
}

async function deliver(session: Session, { text, ...options }: Entry): Promise<void> {
  try {
    await session.prompt(text, {
      promptId: options.promptId,
      ...(options.whenBusy === undefined ? {} : { whenBusy: options.whenBusy }),
    });
    forget(session.sessionId, options.promptId);
  } catch (error) {
    // Shown by the store as not sent. What the service refused for good is not tried again after a reload.
    if (error instanceof HoldfastError && !error.retryable) forget(session.sessionId, options.promptId);
  }
}

/** Sends a prompt; what becomes of it is shown by the session's store. */
export function sendPrompt(session: Session, text: string, whenBusy?: WhenBusy): void {
  const entry: Entry = { promptId: PromptId.parse(mintId()), text, ...(whenBusy && { whenBusy }) };
  write(session.sessionId, [...read(session.sessionId), entry]);
  void deliver(session, entry);
}

/** Sends again what failed, or what a reload interrupted. */
export function resendPrompt(session: Session, promptId: PromptId, text: string): void {
  void deliver(session, { promptId, text });
}

export function dropPrompt(session: Session, promptId: PromptId): void {
  forget(session.sessionId, promptId);
  session.store().dismiss(promptId);
}

/** Once for each session and page load: what an earlier page load did not get through. */
export function resumeOutbox(session: Session): void {
  for (const entry of read(session.sessionId)) void deliver(session, entry);
}
