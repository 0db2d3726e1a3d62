// Files that wait for their prompts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomBytes } from 'node:crypto';
import { CreateId, mintSessionId, UploadId, UserId, type SessionId } from '@holdfast/shared/protocol';
import { createSessionStore, createUploads, sessionKeys, type Redis } from '@holdfast/shared/store';
import { startRedis, type TestRedis } from '../support/redis.ts';

const owner = UserId.parse('ann');
const mintUploadId = (): UploadId => UploadId.parse(randomBytes(16).toString('hex'));
const data = Buffer.from([0, 255, 10, 13]);
let server: TestRedis;
let redis: Redis;
let sessionId: SessionId;

beforeAll(async () => {
  server = await startRedis();
  redis = server.connect();
  const store = createSessionStore(redis);
  ({ sessionId } = await store.reserveId(owner, CreateId.parse('c')));
  const settings = { permissionMode: 'default' as const, allowedTools: [], disallowedTools: [] };
  const rest = { epoch: 'e1', cwd: '/w', title: null, settings, at: 1 };
  await store.create({ sessionId, userId: owner, frame: '{"offset":1,"type":"session_created"}', ...rest });
});
afterAll(async () => server[Symbol.asyncDispose]());

const upload = () => ({ uploadId: mintUploadId(), name: 'a.png', mediaType: 'image/png' as const, data });

describe('an upload [B-09]', () => {
  it('is read as it was stored, byte for byte, and described without its bytes', async () => {
    const uploads = createUploads(redis);
    const { uploadId, ...file } = upload();
    expect(await uploads.store(sessionId, { uploadId, ...file })).toBe('stored');
    expect(await uploads.read(sessionId, uploadId)).toEqual(data);
    expect(await uploads.describe(sessionId, [uploadId, mintUploadId()])).toEqual([
      { uploadId, name: 'a.png', mediaType: 'image/png', bytes: 4 },
      null,
    ]);
  });

  it('of a kind that this version does not know is none', async () => {
    const { uploadId, ...file } = upload();
    await createUploads(redis).store(sessionId, { uploadId, ...file });
    const key = sessionKeys(sessionId).meta.replace(/meta$/, `blob:${uploadId}`);
    expect(await redis.hset(key, 'type', 'from/tomorrow')).toBe(0);
    expect(await createUploads(redis).describe(sessionId, [uploadId])).toEqual([null]);
  });

  it('belongs to a session that exists, and only so many wait', async () => {
    const uploads = createUploads(redis);
    expect(await uploads.store(mintSessionId(), upload())).toBe('not_found');
    expect(await uploads.read(sessionId, mintUploadId())).toBeNull();
    const results: string[] = [];
    for (let n = 0; n < 40; n += 1) results.push(await uploads.store(sessionId, upload()));
    expect(results[0]).toBe('stored');
    expect(results.at(-1)).toBe('too_many');
  });

  it('is gone after its time', async () => {
    const uploads = createUploads(redis, 1);
    const other = createSessionStore(redis);
    const made = await other.reserveId(owner, CreateId.parse('d'));
    const settings = { permissionMode: 'default' as const, allowedTools: [], disallowedTools: [] };
    const rest = { epoch: 'e1', cwd: '/w', title: null, settings, at: 1 };
    const frame = '{"offset":1,"type":"session_created"}';
    await other.create({ sessionId: made.sessionId, userId: owner, frame, ...rest });
    const file = upload();
    await uploads.store(made.sessionId, file);
    await expect.poll(async () => uploads.read(made.sessionId, file.uploadId), { timeout: 5_000 }).toBeNull();
  });
});
