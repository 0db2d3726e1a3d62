import { describe, expect, it } from 'vitest';
import { UpFailure } from '../../src/up/failure.ts';
import { parseRedisAddress, showRedisAddress } from '../../src/up/redis/address.ts';
import { lastFileOf } from '../../src/up/redis/aof.ts';
import { redisConfig } from '../../src/up/redis/config.ts';
import { explainAptFailure } from '../../src/up/redis/debian.ts';
import { isRedisNewEnough } from '../../src/up/redis/facts.ts';
import { decode } from '../../src/up/redis/resp.ts';
import { decideRedis, type RedisSurvey } from '../../src/up/redis/source.ts';

const nothing: RedisSurvey = { url: undefined, onPath: undefined, unpacked: undefined, canFetch: false };
const redis7 = { file: '/usr/bin/redis-server', version: '7.0.15' };
const redis6 = { file: '/usr/bin/redis-server', version: '6.2.14' };
const unpacked = { file: '/d/redis-debian/bin/redis-server', version: '7.0.15' };

describe('where Redis comes from [K-02]', () => {
  it.each([
    [
      'REDIS_URL before anything else',
      { ...nothing, url: 'redis://h', onPath: redis7 },
      { use: 'external', url: 'redis://h' },
    ],
    [
      'PATH before unpacked packages',
      { ...nothing, onPath: redis7, unpacked },
      { use: 'program', program: redis7 },
    ],
    [
      'unpacked packages before a fetch',
      { ...nothing, unpacked, canFetch: true },
      { use: 'program', program: unpacked },
    ],
    ['a fetch where there is nothing', { ...nothing, url: '', canFetch: true }, { use: 'fetch' }],
  ] as const)('%s', (_title, survey, decision) => {
    expect(decideRedis(survey)).toEqual(decision);
  });

  it('one on PATH that is too old is refused, not replaced behind the back', () => {
    const decision = decideRedis({ ...nothing, onPath: redis6, unpacked, canFetch: true });
    expect(decision.use === 'none' && decision.failure).toBeInstanceOf(UpFailure);
    expect(decision.use === 'none' && decision.failure.message).toMatch(
      /version 6\.2\.14.*needs 7\.0.*REDIS_URL/,
    );
  });

  it('where none can be had the one line says what to install', () => {
    const decision = decideRedis(nothing);
    expect(decision.use === 'none' && decision.failure.message).toMatch(/Install Redis 7\.0.*REDIS_URL/);
  });

  it.each([
    ['7.0.0', true],
    ['8.2.1', true],
    ['10.0.0', true],
    ['6.2.14', false],
    ['', false],
  ])('version %j is new enough: %s', (version, enough) => {
    expect(isRedisNewEnough(version)).toBe(enough);
  });
});

describe('the address of Redis', () => {
  it.each([
    ['/run/r.sock', { kind: 'unix', path: '/run/r.sock' }],
    ['unix:///run/r.sock', { kind: 'unix', path: '/run/r.sock' }],
    ['redis://h', { kind: 'tcp', host: 'h', port: 6379, tls: false }],
    ['redis://[::1]:7000/2', { kind: 'tcp', host: '::1', port: 7000, tls: false }],
    [
      'rediss://u:p%40ss@h:1',
      { kind: 'tcp', host: 'h', port: 1, tls: true, login: { username: 'u', password: 'p@ss' } },
    ],
  ])('%s', (url, address) => {
    expect(parseRedisAddress(url)).toEqual(address);
  });

  it('takes the separate password only where it carries none', () => {
    expect(parseRedisAddress('/r.sock', 'pw')).toMatchObject({ login: { password: 'pw' } });
    expect(parseRedisAddress('redis://:own@h', 'pw')).toMatchObject({ login: { password: 'own' } });
  });

  it('is shown without its password', () => {
    expect(showRedisAddress(parseRedisAddress('redis://u:secret@h:1'))).toBe('redis://h:1');
  });
});

describe('replies of Redis', () => {
  it('are decoded, an error by its code word only', () => {
    const bytes = Buffer.from('+OK\r\n-WRONGPASS invalid username\r\n$5\r\na\r\nbc\r\n:7\r\n$-1\r\n');
    expect(decode(bytes)).toEqual([
      { kind: 'text', text: 'OK' },
      { kind: 'error', code: 'WRONGPASS' },
      { kind: 'text', text: 'a\r\nbc' },
      { kind: 'text', text: '7' },
      { kind: 'text', text: '' },
    ]);
  });

  it('that are not complete are left for later, wherever they are cut', () => {
    const whole = Buffer.from('+OK\r\n$4\r\nabcd\r\n');
    for (let length = 5; length < whole.length; length += 1) {
      expect(decode(whole.subarray(0, length))).toEqual([{ kind: 'text', text: 'OK' }]);
    }
    expect(decode(whole)).toHaveLength(2);
  });
});

describe('the configuration of the private Redis', () => {
  const config = redisConfig({ directory: '/my "data"', socket: '/s', password: 'pw' });

  it('listens on no TCP port, needs a password, and its socket is for its owner only', () => {
    expect(config).toMatch(/^port 0$/m);
    expect(config).toMatch(/^requirepass "pw"$/m);
    expect(config).toMatch(/^unixsocketperm 600$/m);
  });

  it('writes every change to its log within a second and never evicts', () => {
    expect(config).toMatch(/^appendonly yes$/m);
    expect(config).toMatch(/^appendfsync everysec$/m);
    expect(config).toMatch(/^maxmemory-policy noeviction$/m);
  });

  it('quotes a path with spaces and quotes', () => {
    expect(config).toContain(String.raw`dir "/my \"data\""`);
  });
});

describe('the log file that a repair is about', () => {
  it('is the last one of the manifest that is in use', () => {
    const manifest = [
      'file appendonly.aof.2.base.rdb seq 2 type b',
      'file appendonly.aof.1.incr.aof seq 1 type h',
      'file appendonly.aof.2.incr.aof seq 2 type i',
      '',
    ].join('\n');
    expect(lastFileOf(manifest)).toBe('appendonly.aof.2.incr.aof');
    expect(lastFileOf('')).toBeUndefined();
  });
});

describe('a failed fetch of Debian packages', () => {
  const failed = (stderr: string): string => explainAptFailure({ exitCode: 100, stdout: '', stderr }).message;

  it('names the holder of the package manager lock', () => {
    const message = failed(
      'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812 (apt-get)\nE: Unable to lock directory\n',
    );
    expect(message).toMatch(/locked by process 812 \(\/var\/lib\/apt\/lists\/lock\).*Wait/);
  });

  it('tells a full disk from a missing network', () => {
    expect(failed('E: Write error - write (28: No space left on device)')).toMatch(/disk is full/);
    expect(failed('E: Failed to fetch http://x  Could not connect')).toMatch(
      /Failed to fetch.*Check the network/,
    );
  });
});
