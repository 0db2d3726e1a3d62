// Prompts that make the real CLI ask, and what became of them on disk.
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { DecisionInput, EventBodyOf, SessionEvent } from '@holdfast/shared/protocol';
import type { Follower } from './system.ts';

type Requested = SessionEvent & EventBodyOf<'approval_requested'>;
type Resolved = SessionEvent & EventBodyOf<'approval_resolved'>;

export const tool = (name: string, input: object): string => `[[tool ${name} ${JSON.stringify(input)}]]`;
export const also = (name: string, input: object): string => `[[also ${name} ${JSON.stringify(input)}]]`;
export const touch = (name: string): string => tool('Bash', { command: `touch ${name}` });

export const COLOUR = {
  question: 'Which colour?',
  header: 'Colour',
  multiSelect: false,
  options: [
    { label: 'Blue', description: 'Like the sky' },
    { label: 'Red', description: 'Like a rose' },
  ],
};

/** The working folder of a session. */
export function cwdOf(one: Follower): string {
  const [created] = one.all('session_created');
  if (created === undefined) throw new Error('the session has no first event yet');
  return created.cwd;
}

/** Whether a file is in the session's folder. */
export async function isMade(one: Follower, name: string): Promise<boolean> {
  return access(join(cwdOf(one), name)).then(
    () => true,
    () => false,
  );
}

/** Waits for the `count`-th approval that the session ever asked for. */
export async function asked(one: Follower, count = 1): Promise<Requested> {
  return one.until(() => one.all('approval_requested')[count - 1], { what: `approval ${count}` });
}

export async function resolved(
  one: Follower,
  { approvalId }: Pick<Requested, 'approvalId'>,
): Promise<Resolved> {
  return one.one('approval_resolved', { approvalId });
}

/** Decides the `count`-th approval and waits for what became of it. */
export async function decide(one: Follower, decision: DecisionInput, count = 1): Promise<Resolved> {
  const approval = await asked(one, count);
  const { inputDigest = '' } = approval;
  await one.session.decide(approval.approvalId, decision, { inputDigest });
  return resolved(one, approval);
}

/** Sends a prompt that asks; `end` waits for the end of its turn. */
export function begin(one: Follower, prompt: string): { readonly end: ReturnType<Follower['turn']> } {
  const end = one.turn(prompt);
  end.catch(() => {}); // looked at when it is awaited
  return { end };
}
