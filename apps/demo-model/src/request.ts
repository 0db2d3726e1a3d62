// The part of a Messages API request that decides the answer; everything else is ignored.
import { z } from 'zod';

const Source = z.object({ data: z.string().optional() }).optional();

const InnerBlock = z.object({ type: z.string(), text: z.string().optional(), source: Source });

const Block = InnerBlock.extend({
  /** Of a tool result: its text, or blocks. Other blocks have other contents, which nobody reads here. */
  content: z
    .union([z.string(), z.array(InnerBlock)])
    .optional()
    .catch(undefined),
});

const Message = z.object({
  role: z.enum(['user', 'assistant', 'system']),
  content: z.union([z.string(), z.array(Block)]),
});

export const MessagesRequest = z.object({
  model: z.string().min(1),
  messages: z.array(Message).min(1),
  stream: z.boolean().default(false),
  tools: z.array(z.object({ name: z.string() })).default([]),
});

export type Message = z.infer<typeof Message>;
export type MessagesRequest = z.infer<typeof MessagesRequest>;
