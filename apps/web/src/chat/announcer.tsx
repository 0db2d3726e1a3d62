// Tells screen readers what happens, once each; the tokens of a streaming answer would be noise.
import type { SessionSnapshot } from '@holdfast/client';
import type { ReactNode } from 'react';
import { strings } from '../strings.ts';

export function Announcer({ snapshot }: { snapshot: SessionSnapshot }): ReactNode {
  const { approvals, turn, turnsEnded } = snapshot.view;
  const asked = approvals[0];
  const { announce } = strings.chat;
  const text =
    asked !== undefined
      ? announce.approval(asked.tool)
      : turn !== null
        ? announce.started
        : turnsEnded > 0
          ? announce.ended
          : '';
  return (
    <p aria-live="polite" className="sr-only">
      {text}
    </p>
  );
}
