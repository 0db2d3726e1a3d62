import { z } from 'zod';

/** Longest text of one prompt, in characters. */
export const MAX_PROMPT_CHARS = 200_000;

const TextBlock = z.object({ type: z.literal('text'), text: z.string().max(MAX_PROMPT_CHARS) });

/** Names a file that was uploaded for one prompt of the session. */
export const UploadId = z.string().regex(/^[0-9a-f]{32}$/, 'is not the id of an upload');
export type UploadId = z.infer<typeof UploadId>;

/** What a file is, told by its bytes: images, PDF, or text in UTF-8. */
export const UploadMediaType = z.enum([
  ...(['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const),
  ...(['application/pdf', 'text/plain'] as const),
]);
export type UploadMediaType = z.infer<typeof UploadMediaType>;

/** An uploaded file. A client names it by its id; the service fills in what it is. */
const FileBlock = z.object({
  type: z.literal('file'),
  uploadId: UploadId,
  name: z.string().max(200).default(''),
  mediaType: UploadMediaType.default('text/plain'),
  bytes: z.int().min(0).default(0),
});
export type FileBlock = z.infer<typeof FileBlock>;

/** What a person sends: blocks in order. At least one has text that is not blank, or is a file. */
export const PromptContent = z
  .array(z.discriminatedUnion('type', [TextBlock, FileBlock]))
  .min(1)
  .max(50);
export type PromptContent = z.infer<typeof PromptContent>;
/** The same as a client writes it. */
export type PromptContentInput = z.input<typeof PromptContent>;

/**
 * What becomes of a prompt that finds a turn running: it waits; it goes into the running turn; the turn is aborted
 * and it runs next; or it is refused (`prompt_busy`).
 */
export const WhenBusy = z.enum(['queue', 'steer', 'interrupt', 'reject']);
export type WhenBusy = z.infer<typeof WhenBusy>;

/** All text of a prompt, blocks joined by newlines. */
export function contentText(content: PromptContent): string {
  return content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
}

/** The files of a prompt, in order. */
export function filesOf(content: PromptContent): FileBlock[] {
  return content.filter((block) => block.type === 'file');
}

export function textContent(text: string): PromptContent {
  return [{ type: 'text', text }];
}

/** What `POST …/blobs` answers. */
export const Upload = z.object({
  uploadId: UploadId,
  name: z.string(),
  mediaType: UploadMediaType,
  bytes: z.int().min(0),
});
export type Upload = z.infer<typeof Upload>;
