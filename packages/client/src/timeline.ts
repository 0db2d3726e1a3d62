// The rows a person sees, in order: finished messages, what streams now, the queue, what was just sent.
import type { Message, OpenBlock, QueuedPrompt } from '@holdfast/shared/protocol';
import type { Conversation, LocalPrompt } from './reconcile.ts';

/** `key` is unique in a timeline, and a prompt keeps its key from `local` over `queued` to `message`. */
export type TimelineRow =
  | { readonly kind: 'message'; readonly key: string; readonly message: Message }
  /** Messages between these offsets were skipped; the history has them. */
  | { readonly kind: 'hole'; readonly key: string; readonly after: number; readonly before: number }
  | { readonly kind: 'open_block'; readonly key: string; readonly block: OpenBlock }
  | { readonly kind: 'queued'; readonly key: string; readonly prompt: QueuedPrompt }
  | { readonly kind: 'local'; readonly key: string; readonly prompt: LocalPrompt };

export function timelineOf({ view, local, hole }: Conversation): readonly TimelineRow[] {
  const used = new Set<string>();
  const unique = (wanted: string, otherwise: string): string => {
    const key = used.has(wanted) ? otherwise : wanted;
    used.add(key);
    return key;
  };
  const rows: TimelineRow[] = [];
  let isHoleShown = hole === null;
  for (const message of view.messages) {
    if (hole !== null && !isHoleShown && message.offset >= hole.before) {
      rows.push({ kind: 'hole', key: `hole:${hole.after}`, ...hole });
      isHoleShown = true;
    }
    const own = `m:${message.offset}`;
    const isPrompt = message.kind === 'prompt' && message.promptId !== null;
    rows.push({ kind: 'message', key: isPrompt ? unique(`p:${message.promptId}`, own) : own, message });
  }
  for (const block of view.openBlocks) {
    rows.push({ kind: 'open_block', key: `b:${block.messageId}:${block.block}`, block });
  }
  for (const prompt of view.queue) {
    const key = unique(`p:${prompt.promptId}`, `q:${prompt.promptId}`);
    rows.push({ kind: 'queued', key, prompt });
  }
  for (const prompt of local) {
    const key = unique(`p:${prompt.promptId}`, `l:${prompt.promptId}`);
    rows.push({ kind: 'local', key, prompt });
  }
  return rows;
}
