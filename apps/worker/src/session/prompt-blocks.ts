// A prompt's content as the CLI takes it: uploaded files with their bytes.
import type { FileBlock, PromptContent, SessionId } from '@holdfast/shared/protocol';
import type { Uploads } from '@holdfast/shared/store';
import type { OwnReason } from './turn-end.ts';

export const FILE_GONE: OwnReason = {
  kind: 'failed',
  code: 'upload_missing',
  message: 'A file of this prompt is gone: upload it and send the prompt again.',
};

/** The blocks of a prompt for the CLI; null when a file is not there (any more) or can't be read. */
export type PromptBlocks = (content: PromptContent) => Promise<readonly unknown[] | null>;

export function promptBlocksOf(uploads: Pick<Uploads, 'read'>, sessionId: SessionId): PromptBlocks {
  return async (content) => readBlocks(uploads, sessionId, content).catch(() => null);
}

export function textsOf(content: PromptContent): PromptContent {
  return content.filter((block) => block.type === 'text');
}

async function readBlocks(
  uploads: Pick<Uploads, 'read'>,
  sessionId: SessionId,
  content: PromptContent,
): Promise<readonly unknown[] | null> {
  const blocks: unknown[] = [];
  for (const block of content) {
    if (block.type === 'text') {
      blocks.push(block);
      continue;
    }
    const data = await uploads.read(sessionId, block.uploadId);
    if (data === null) return null;
    blocks.push(fileBlock(block, data));
  }
  return blocks;
}

function fileBlock({ mediaType, name }: FileBlock, data: Buffer): unknown {
  if (mediaType === 'text/plain') {
    const title = name === '' ? 'a file' : name;
    return { type: 'text', text: `<file name=${JSON.stringify(title)}>\n${data.toString('utf8')}\n</file>` };
  }
  const source = { type: 'base64', media_type: mediaType, data: data.toString('base64') };
  return { type: mediaType === 'application/pdf' ? 'document' : 'image', source };
}
