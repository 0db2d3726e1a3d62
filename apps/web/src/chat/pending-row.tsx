// A prompt that was sent and is not part of a turn yet; one that could not be sent says so and can be sent again.
import type { Session } from '@holdfast/client';
import { contentText, filesOf, PromptId } from '@holdfast/shared/protocol';
import type { ReactNode } from 'react';
import { dropPrompt, resendPrompt } from '../model/outbox.ts';
import type { Row } from '../model/rows.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { Prompt } from './message-row.tsx';

type Pending = Extract<Row, { kind: 'pending' }>;

export function PendingRow({ row, session }: { row: Pending; session: Session }): ReactNode {
  const promptId = PromptId.parse(row.promptId);
  const names = filesOf(row.content).map(({ name }) => name);
  const text = [contentText(row.content), ...names].filter((part) => part !== '').join('\n');
  if (row.state !== 'failed') {
    return (
      <Prompt text={text}>
        <p className="mt-1 text-xs text-muted">
          {row.state === 'sending' ? strings.chat.sending : strings.chat.waiting}
        </p>
      </Prompt>
    );
  }
  return (
    <Prompt text={text}>
      <div className="mt-1 flex flex-wrap items-center justify-end gap-2 text-sm text-danger">
        <span>
          {strings.chat.notSent}: {row.error}
        </span>
        <Button onClick={() => resendPrompt(session, promptId, row.content)}>{strings.retry}</Button>
        <Button look="ghost" onClick={() => dropPrompt(session, promptId)}>
          {strings.dismiss}
        </Button>
      </div>
    </Prompt>
  );
}
