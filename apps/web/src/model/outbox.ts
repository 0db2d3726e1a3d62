// Prompts on their way: kept in the browser until the service has them, so that a reload in between loses none.
// Each keeps its id, so sending one again after a reload never runs it twice.
import {
  contentText,
  mintId,
  PromptContent,
  PromptId,
  UploadId,
  WhenBusy,
  type SessionId,
} from '@holdfast/shared/protocol';
import { HoldfastError, type Session } from '@holdfast/client';
import { z } from 'zod';
import { readStored, writeStored } from './storage.ts';

const SentFile = z.object({ uploadId: UploadId, name: z.string() });
export type SentFile = z.infer<typeof SentFile>;

const Entry = z.object({
  promptId: PromptId,
  text: z.string(),
  files: z.array(SentFile).default([]),
  whenBusy: WhenBusy.optional(),
});
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

async function deliver(session: Session, { text, files, ...options }: Entry): Promise<void> {
  try {
    await session.prompt(contentOf(text, files), {
      promptId: options.promptId,
      ...(options.whenBusy === undefined ? {} : { whenBusy: options.whenBusy }),
    });
    forget(session.sessionId, options.promptId);
  } catch (error) {
    // Shown by the store as not sent. What the service refused for good is not tried again after a reload.
    if (error instanceof HoldfastError && !error.retryable) forget(session.sessionId, options.promptId);
  }
}

function contentOf(text: string, files: readonly SentFile[]): PromptContent {
  const words = text === '' ? [] : [{ type: 'text' as const, text }];
  return PromptContent.parse([...words, ...files.map((file) => ({ type: 'file' as const, ...file }))]);
}

export interface NewPrompt {
  readonly text: string;
  readonly files?: readonly SentFile[];
  readonly whenBusy?: WhenBusy | undefined;
}

/** Sends a prompt; what becomes of it is shown by the session's store. */
export function sendPrompt(session: Session, { text, files = [], whenBusy }: NewPrompt): void {
  const promptId = PromptId.parse(mintId());
  const entry: Entry = { promptId, text, files: [...files], ...(whenBusy && { whenBusy }) };
  write(session.sessionId, [...read(session.sessionId), entry]);
  void deliver(session, entry);
}

/** Sends again what failed, or what a reload interrupted. */
export function resendPrompt(session: Session, promptId: PromptId, content: PromptContent): void {
  const files = content.flatMap((block) => (block.type === 'file' ? [block] : []));
  void deliver(session, { promptId, text: contentText(content), files });
}

export function dropPrompt(session: Session, promptId: PromptId): void {
  forget(session.sessionId, promptId);
  session.store().dismiss(promptId);
}

/** Once for each session and page load: what an earlier page load did not get through. */
export function resumeOutbox(session: Session): void {
  for (const entry of read(session.sessionId)) void deliver(session, entry);
}
