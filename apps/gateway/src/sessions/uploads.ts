// Files for prompts: what is taken, told by its bytes, and what a prompt says of them.
import { randomBytes } from 'node:crypto';
import {
  filesOf,
  ServiceError,
  UploadId,
  type PromptContent,
  type SessionId,
  type Upload,
} from '@holdfast/shared/protocol';
import type { Uploads } from '@holdfast/shared/store';
import { mediaTypeOf } from './media-type.ts';
import { stored } from './storage.ts';

const MB = 1024 * 1024;

/** Most files of one prompt, and the largest of each kind, in bytes. */
export interface UploadLimits {
  readonly images: number;
  readonly imageBytes: number;
  readonly files: number;
  readonly fileBytes: number;
}

export const READ_FOR_UPLOADS = [
  ...(['HOLDFAST_MAX_IMAGES', 'HOLDFAST_MAX_IMAGE_MB'] as const),
  ...(['HOLDFAST_MAX_FILES', 'HOLDFAST_MAX_FILE_MB'] as const),
];

export function uploadLimits(
  config: Readonly<Record<(typeof READ_FOR_UPLOADS)[number], number>>,
): UploadLimits {
  return {
    images: config.HOLDFAST_MAX_IMAGES,
    imageBytes: config.HOLDFAST_MAX_IMAGE_MB * MB,
    files: config.HOLDFAST_MAX_FILES,
    fileBytes: config.HOLDFAST_MAX_FILE_MB * MB,
  };
}

/** Where files are kept, and which are taken. */
export interface UploadDesk {
  readonly store: Uploads;
  readonly limits: UploadLimits;
}

export interface NewUpload {
  readonly name: string;
  readonly data: Buffer;
}

/** What the session service offers for uploads. */
export function uploading(desk: UploadDesk): {
  readonly maxUploadBytes: number;
  readonly upload: (sessionId: SessionId, file: NewUpload) => Promise<Upload>;
} {
  return {
    maxUploadBytes: Math.max(desk.limits.imageBytes, desk.limits.fileBytes),
    upload: async (sessionId, file) => storeUpload(desk, sessionId, file),
  };
}

async function storeUpload(desk: UploadDesk, sessionId: SessionId, file: NewUpload): Promise<Upload> {
  const { name, data } = file;
  const { limits } = desk;
  if (data.length === 0) throw new ServiceError('upload_empty');
  const mediaType = mediaTypeOf(data);
  if (mediaType === null) throw new ServiceError('upload_type_refused');
  const most = mediaType.startsWith('image/') ? limits.imageBytes : limits.fileBytes;
  if (data.length > most) throw new ServiceError('upload_too_large', { details: { maxBytes: most } });
  const uploadId = UploadId.parse(randomBytes(16).toString('hex'));
  const status = await stored(async () => desk.store.store(sessionId, { uploadId, name, mediaType, data }));
  if (status === 'not_found') throw new ServiceError('session_not_found');
  if (status === 'too_many') throw new ServiceError('too_many_uploads');
  return { uploadId, name, mediaType, bytes: data.length };
}

/** The content with what is known of its files instead of what the client said. */
export async function describedContent(
  desk: UploadDesk,
  sessionId: SessionId,
  content: PromptContent,
): Promise<PromptContent> {
  const ids = filesOf(content).map(({ uploadId }) => uploadId);
  if (ids.length === 0) return content;
  if (new Set(ids).size < ids.length) throw new ServiceError('bad_request');
  const known = await stored(async () => desk.store.describe(sessionId, ids));
  const byId = new Map(known.flatMap((upload) => (upload === null ? [] : [[upload.uploadId, upload]])));
  const described = content.map((block) => {
    if (block.type === 'text') return block;
    // One that is gone is told by the script that takes them, unless the prompt was accepted before.
    return { ...block, ...byId.get(block.uploadId) };
  });
  checkCount(described, desk.limits);
  return described;
}

function checkCount(content: PromptContent, limits: UploadLimits): void {
  const files = filesOf(content);
  const images = files.filter(({ mediaType }) => mediaType.startsWith('image/')).length;
  const { images: maxImages, files: maxFiles } = limits;
  if (images <= maxImages && files.length - images <= maxFiles) return;
  throw new ServiceError('too_many_uploads', { details: { images: maxImages, files: maxFiles } });
}
