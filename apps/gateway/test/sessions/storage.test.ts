import { describe, expect, it } from 'vitest';
import { ServiceError } from '@holdfast/shared/protocol';
import { storageError } from '../../src/sessions/storage.ts';

const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' });

describe('what a store call threw', () => {
  it.each([
    { error: reply('OOM command not allowed when used memory > maxmemory.'), code: 'storage_full' },
    { error: reply('LOADING Redis is loading the dataset in memory'), code: 'storage_unavailable' },
    { error: reply("READONLY You can't write against a read only replica."), code: 'storage_unavailable' },
    { error: reply('ERR wrong number of arguments'), code: 'internal' },
    { error: reply('WRONGTYPE Operation against a key'), code: 'internal' },
    { error: new Error('Connection is closed.'), code: 'storage_unavailable' },
    {
      error: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      code: 'storage_unavailable',
    },
    { error: new TypeError('x is not a function'), code: 'internal' },
    { error: 'not even an error', code: 'internal' },
    { error: new ServiceError('queue_full'), code: 'queue_full' },
  ])('$error.message becomes $code', ({ error, code }) => {
    expect(storageError(error).code).toBe(code);
  });
});
