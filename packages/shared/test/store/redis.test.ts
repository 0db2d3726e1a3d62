import { describe, expect, it } from 'vitest';
import { bullOptions, replyErrorCode } from '../../src/store/redis.ts';
import { splitPublishBody } from '../../src/store/publish-body.ts';

describe('the address of Redis', () => {
  const tcp = { host: 'h', port: 6379, db: 0 };
  it.each([
    ['the path of a socket', '/run/redis.sock', { path: '/run/redis.sock' }],
    ['a socket as URL', 'unix:///run/my%20redis.sock', { path: '/run/my redis.sock' }],
    ['a host', 'redis://h', tcp],
    ['a host with port and database', 'redis://h:6380/2', { ...tcp, port: 6380, db: 2 }],
    ['an address of IP version 6', 'redis://[::1]:6380', { ...tcp, host: '::1', port: 6380 }],
    ['a host with TLS', 'rediss://h', { ...tcp, tls: {} }],
    ['a password', 'redis://:a%40b@h', { ...tcp, password: 'a@b' }],
    ['a user and a password', 'redis://me:pw@h', { ...tcp, username: 'me', password: 'pw' }],
  ])('may be %s', (_what, url, target) => {
    expect(bullOptions({ url })).toEqual({ ...target, maxRetriesPerRequest: null });
  });

  it('takes a password beside it, unless it carries one itself', () => {
    expect(bullOptions({ url: 'redis://h', password: 'beside' })).toMatchObject({ password: 'beside' });
    expect(bullOptions({ url: '/run/redis.sock', password: 'beside' })).toMatchObject({ password: 'beside' });
    expect(bullOptions({ url: 'redis://:own@h', password: 'beside' })).toMatchObject({ password: 'own' });
  });
});

describe('the code of an error that Redis answered', () => {
  const answered = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' });

  it('is its first word', () => {
    expect(replyErrorCode(answered("OOM command not allowed when used memory > 'maxmemory'."))).toBe('OOM');
    expect(replyErrorCode(answered('something else'))).toBeUndefined();
  });

  it('is not read from errors that are not from Redis', () => {
    expect(replyErrorCode(new Error('OOM'))).toBeUndefined();
    expect(replyErrorCode('OOM')).toBeUndefined();
  });
});

describe('a live message', () => {
  it('is a header and the frames as they were stored', () => {
    const split = splitPublishBody(Buffer.from('1|e1|17|5|2\n[{},{}]'));
    expect(split?.header).toEqual({ epoch: 'e1', fence: 17, first: 5, count: 2 });
    expect(split?.frames.toString()).toBe('[{},{}]');
  });

  it.each(['', 'ping', '2|e1|17|5|2\n[]', '1\n[]'])('is told apart from %j', (body) => {
    expect(splitPublishBody(Buffer.from(body))).toBeUndefined();
  });
});
