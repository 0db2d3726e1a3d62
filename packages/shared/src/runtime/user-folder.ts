// The name of a user's folder on disk.
import { hash } from 'node:crypto';
import type { UserId } from '../protocol/ids.ts';

/** Longest name that every file system takes is 255 bytes; an encoded id can be longer. */
const MAX_FOLDER_CHARS = 200;

/** Readable for ordinary ids, never `.` or `..`, never a path, and another one for every user. */
export function userFolder(userId: UserId): string {
  const name = encodeURIComponent(userId).replaceAll('.', '%2E');
  return name.length <= MAX_FOLDER_CHARS ? name : hash('sha256', userId);
}
