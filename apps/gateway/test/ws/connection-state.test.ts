import { describe, expect, it } from 'vitest';
import { CLIENT_FRAME_TYPES, UserId, type ErrorCode } from '@holdfast/shared/protocol';
import { callerOf } from '../../src/access/authorise.ts';
import { admitFrame, nextConnectionState, type ConnectionState } from '../../src/ws/connection-state.ts';

const identityOf = (user: string) => ({
  ...callerOf(UserId.parse(user)),
  expiresAt: null,
  credentialId: null,
});
const identity = identityOf('local');
const states: Record<ConnectionState['kind'], ConnectionState> = {
  awaiting_hello: { kind: 'awaiting_hello' },
  ready: { kind: 'ready', identity },
  closing: { kind: 'closing', cause: 'going_away' },
};

describe('a connection', () => {
  it.each(CLIENT_FRAME_TYPES)('takes %s by its state', (type) => {
    const isHello = type === 'hello';
    const refuse = (code: ErrorCode): object => ({ act: 'refuse', code });
    expect(admitFrame(states.awaiting_hello, type)).toEqual(
      isHello ? { act: 'authenticate' } : refuse('hello_expected'),
    );
    expect(admitFrame(states.ready, type)).toEqual(
      isHello ? refuse('hello_repeated') : { act: 'handle', identity },
    );
    expect(admitFrame(states.closing, type)).toEqual({ act: 'ignore' });
  });

  it('belongs to whom the first accepted hello named', () => {
    const ready = nextConnectionState(states.awaiting_hello, { kind: 'hello_accepted', identity });
    expect(ready).toEqual(states.ready);
    const other = identityOf('other');
    expect(nextConnectionState(ready, { kind: 'hello_accepted', identity: other })).toBe(ready);
    expect(nextConnectionState(states.closing, { kind: 'hello_accepted', identity })).toBe(states.closing);
  });

  it('may get another credential once it is ready, and not before or after', () => {
    const renewed = { ...identity, expiresAt: 5 };
    const event = { kind: 'refreshed' as const, identity: renewed };
    expect(nextConnectionState(states.ready, event)).toEqual({ kind: 'ready', identity: renewed });
    expect(nextConnectionState(states.awaiting_hello, event)).toBe(states.awaiting_hello);
    expect(nextConnectionState(states.closing, event)).toBe(states.closing);
  });

  it('keeps the first cause of its end', () => {
    const ended = nextConnectionState(states.ready, { kind: 'ended', cause: 'slow_consumer' });
    expect(ended).toEqual({ kind: 'closing', cause: 'slow_consumer' });
    expect(nextConnectionState(ended, { kind: 'ended', cause: 'heartbeat_lost' })).toBe(ended);
  });
});
