// Images and files of prompts: from an upload through any gateway to the real CLI, and gone with their prompt.
import { HoldfastError, type Client } from '@holdfast/client';
import { PromptContent, type Upload } from '@holdfast/shared/protocol';
import { createUploads, type Redis } from '@holdfast/shared/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service, TestGateway } from '../../support/processes.ts';
import { until } from '../../support/until.ts';
import { clientOf, newSession, startSystem, type Follower, type System } from '../../e2e/support/system.ts';

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const PDF = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n');
const MIB = 1024 * 1024;

let system: System;
let other: TestGateway;
let worker: Service;
let client: Client;
let elsewhere: Client;
let redis: Redis;

beforeAll(async () => {
  system = await startSystem();
  redis = system.redis.connect();
  [other, worker] = await Promise.all([system.startGateway(), system.startWorker()]);
  client = clientOf(system.gateway);
  elsewhere = clientOf(other);
});
afterAll(async () => {
  client.close();
  elsewhere.close();
  await worker[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

/** What the session holds of uploads in Redis. */
const stored = async (one: Follower): Promise<string[]> => {
  const keys = await redis.keys(`*${one.session.sessionId}*`);
  return keys.filter((key) => /:blob:|:uploads$/.test(key));
};
const gone = async (one: Follower): Promise<void> => {
  await until(async () => (await stored(one)).length === 0, { what: 'the end of the uploads' });
};

const upload = async (one: Follower, data: Buffer, name = 'a.png'): Promise<Upload> =>
  client.http.upload(one.session.sessionId, { name, data: new Uint8Array(data) });
const withFiles = (text: string, ...files: Pick<Upload, 'uploadId'>[]): PromptContent =>
  PromptContent.parse([{ type: 'text', text }, ...files.map(({ uploadId }) => ({ type: 'file', uploadId }))]);

const codeOf = async (action: Promise<unknown>): Promise<string> =>
  action.then(
    () => 'ok',
    (error: unknown) => (error instanceof HoldfastError ? error.code : String(error)),
  );

describe('files of a prompt [B-09]', () => {
  it('reach the CLI whichever gateway took them, and are gone with the turn', async () => {
    const one = await newSession(client);
    const files = [
      await elsewhere.http.upload(one.session.sessionId, { name: 'dot.png', data: new Uint8Array(PNG) }),
      await upload(one, PDF, 'doc.pdf'),
      await upload(one, Buffer.from('the words of the file'), 'notes.md'),
    ];
    expect(files).toMatchObject([
      { mediaType: 'image/png', name: 'dot.png', bytes: PNG.length },
      { mediaType: 'application/pdf', name: 'doc.pdf' },
      { mediaType: 'text/plain', name: 'notes.md' },
    ]);
    const content = withFiles('look at these', ...files);
    const { promptId } = await one.session.prompt(content, { promptId: 'with-files' });
    const started = await one.one('turn_started', { promptId });
    expect(started.content?.slice(1)).toMatchObject(files.map((file) => ({ type: 'file', ...file })));
    expect(await one.one('turn_ended', { turnId: started.turnId })).toMatchObject({ stopReason: 'end_turn' });
    expect(one.textOf(started.turnId)).toContain('the words of the file');
    await gone(one);
    expect(await one.session.prompt(content, { promptId: 'with-files' })).toMatchObject({ duplicate: true });
    expect(await codeOf(one.session.prompt(content))).toBe('upload_missing');
  });

  it('stay while their prompts wait, also over an edit, and go with each of two that are queued', async () => {
    const one = await newSession(client);
    await one.session.prompt('[[slow ms=60000]]', { promptId: 'long' });
    const { turnId } = await one.one('turn_started');
    const [first, second, dropped] = [await upload(one, PNG), await upload(one, PDF), await upload(one, PNG)];
    const a = await one.session.prompt(withFiles('one', first));
    await one.session.prompt(withFiles('two', second), { promptId: 'two' });
    await one.session.prompt(withFiles('three', dropped), { promptId: 'three' });
    await one.one('prompt_queued', { promptId: a.promptId });
    expect(await codeOf(one.session.prompt(withFiles('again', first)))).toBe('upload_missing');
    await one.session.editPrompt('two', '[[say edited]]');
    expect((await one.one('prompt_edited')).content).toMatchObject([
      { type: 'text', text: '[[say edited]]' },
      { type: 'file', uploadId: second.uploadId },
    ]);
    await one.session.cancelPrompt('three');
    await one.one('prompt_cancelled');
    await until(async () => (await stored(one)).length === 2, { what: 'the end of the cancelled one' });
    await one.session.abort({ turnId });
    await one.one('turn_ended', { turnId });
    await one.session.resumeQueue();
    await one.until(() => one.all('turn_ended')[2], { what: 'the end of both' });
    await gone(one);
  });

  it('go with an abort that clears the queue, with a turn whose CLI dies, and with the session', async () => {
    const one = await newSession(client);
    const busy = withFiles('[[slow ms=60000]]', await upload(one, PNG));
    await one.session.prompt(busy, { promptId: 'busy' });
    const { turnId } = await one.one('turn_started', {});
    await one.session.prompt(withFiles('waits', await upload(one, PNG)), { promptId: 'waits' });
    await one.until(() => one.all('prompt_queued')[1], { what: 'the second prompt' });
    expect(await stored(one)).toHaveLength(2);
    await one.session.abort({ turnId, queue: 'clear' });
    await one.one('turn_ended', { turnId });
    await gone(one);
    await one.session.prompt(withFiles('[[text count=5000 rate=50]]', await upload(one, PDF)), {
      promptId: 'dies',
    });
    await one.one('message_delta');
    process.kill(one.pid, 'SIGKILL');
    await one.one('turn_interrupted');
    await gone(one);
    await one.session.prompt('[[slow ms=60000]]');
    await one.until(() => one.all('turn_started')[2], { what: 'the third turn' });
    await one.session.prompt(withFiles('never', await upload(one, PNG)));
    await upload(one, PNG);
    await client.http.delete(one.session.sessionId);
    await gone(one);
  });

  it('that no prompt takes, or whose prompt is refused, die by themselves', async () => {
    const one = await newSession(client);
    const file = await upload(one, PNG);
    await one.session.prompt('[[slow ms=60000]]');
    await one.one('turn_started');
    const refused = one.session.prompt(withFiles('now', file), { whenBusy: 'reject' });
    expect(await codeOf(refused)).toBe('prompt_busy');
    const [key = ''] = (await stored(one)).filter((name) => name.includes(':blob:'));
    const ttl = await redis.ttl(key);
    expect(ttl).toBeGreaterThan(800);
    expect(ttl).toBeLessThanOrEqual(900);
    const short = createUploads(redis, 1);
    const brief = { ...file, uploadId: '0'.repeat(32), data: PNG } as const;
    expect(await short.store(one.session.sessionId, brief)).toBe('stored');
    const ids = [brief.uploadId] as const;
    await until(async () => (await short.describe(one.session.sessionId, ids))[0] === null, {
      what: 'the end of the upload',
    });
    expect(await codeOf(one.session.prompt(withFiles('late', brief)))).toBe('upload_missing');
    await client.http.delete(one.session.sessionId);
  });

  it('that are bad are refused, and leave nothing [B-09]', async () => {
    const one = await newSession(client);
    const big = (start: Buffer, bytes: number, end = Buffer.alloc(0)): Buffer =>
      Buffer.concat([start, Buffer.alloc(bytes), end]);
    const cases: [code: string, data: Buffer][] = [
      ['upload_empty', Buffer.alloc(0)],
      ['upload_type_refused', PNG.subarray(0, 30)],
      ['upload_type_refused', Buffer.from([0, 1, 2, 3])],
      ['upload_too_large', big(PNG.subarray(0, 20), 5 * MIB, PNG.subarray(-12))],
      ['upload_too_large', big(PDF, 10 * MIB)],
    ];
    for (const [code, data] of cases) expect(await codeOf(upload(one, data))).toBe(code);
    const { sessionId } = one.session;
    const url = `${system.gateway.url}/v1/sessions/${sessionId}/blobs`;
    const bare = await fetch(url, { method: 'POST', body: new Uint8Array(PNG) });
    expect(bare.status).toBe(401);
    const unknown = client.http.upload('s00-01JD5W3W8Y5Q3T2E0V9A6B4C2D', { data: new Uint8Array(PNG) });
    expect(await codeOf(unknown)).toBe('session_not_found');
    expect(await stored(one)).toEqual([]);
    const many: Upload[] = [];
    for (let n = 0; n < 6; n += 1) many.push(await upload(one, PNG));
    expect(await codeOf(one.session.prompt(withFiles('x', ...many)))).toBe('too_many_uploads');
    await client.http.delete(sessionId);
    await gone(one);
  });
});
