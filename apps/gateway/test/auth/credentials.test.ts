import { describe, expect, it } from 'vitest';
import { identityOfRequest, loginCookie } from '../../src/auth/credentials.ts';
import { createAuthenticator } from '../../src/auth/authenticator.ts';
import { createPublicAddress, withoutBasePath } from '../../src/auth/public-address.ts';
import { createTokenCheck } from '../../src/auth/token.ts';

const token = 'sixteen chars; or more=';
const address = createPublicAddress({ publicUrl: undefined, hasTls: false });
const authenticator = createAuthenticator({
  address,
  credentials: { find: async () => null, isGone: async () => false },
  authenticate: createTokenCheck(token),
});
const cookie = loginCookie(token, address, null).split(';', 1)[0] ?? '';
const host = 'hold.example:8787';

describe('credentials', () => {
  it.each([
    { what: 'the cookie', headers: { cookie, host }, user: 'local' },
    { what: 'the cookie among others', headers: { cookie: `a=b; ${cookie}; c=d`, host }, user: 'local' },
    {
      what: 'the cookie on our own page',
      headers: { cookie, host, origin: `https://${host}` },
      user: 'local',
    },
    {
      what: 'a cookie that cannot be decoded',
      headers: { cookie: 'holdfast_token=%zz', host },
      user: undefined,
    },
    { what: 'a cookie of a name that ends alike', headers: { cookie: `x${cookie}`, host }, user: undefined },
    { what: 'the header with another scheme', headers: { authorization: 'Basic abc' }, user: undefined },
    {
      what: 'a subprotocol that carries the token',
      headers: {
        'sec-websocket-protocol': `holdfast.v1, holdfast.token.${Buffer.from(token).toString('base64url')}`,
      },
      user: 'local',
    },
    { what: 'nothing', headers: {}, user: undefined },
  ])('$what gives $user', async ({ headers, user }) => {
    expect((await identityOfRequest(headers, authenticator, 'here'))?.userId).toBe(user);
  });

  it('a header with a wrong token is not helped by a right cookie', async () => {
    const headers = { authorization: 'Bearer wrong', cookie, host };
    expect(await identityOfRequest(headers, authenticator, 'here')).toBeUndefined();
  });

  it.each(['https://evil.example', `https://${host}.evil.example`, 'null', 'https://hold.example'])(
    'the cookie sent along for a page of %s is refused [G-04]',
    async (origin) => {
      await expect(identityOfRequest({ cookie, host, origin }, authenticator, 'here')).rejects.toMatchObject({
        code: 'origin_refused',
      });
      expect(address.isForeignOrigin({ host, origin })).toBe(true);
    },
  );

  it('a token that is a part of the right one, or longer, is wrong', async () => {
    for (const wrong of ['', token.slice(0, -1), `${token}x`])
      expect(await authenticator.authenticate(wrong, 'here')).toBeUndefined();
    expect(await authenticator.authenticate(token, 'here')).toMatchObject({
      userId: 'local',
      expiresAt: null,
    });
  });
});

describe('the public address', () => {
  const behindProxy = createPublicAddress({ publicUrl: 'https://team.example/holdfast/', hasTls: false });

  it('lets pages of its origin use the cookie whatever the proxy made of the host, and no others [G-04]', () => {
    const host = '127.0.0.1:8787';
    expect(behindProxy.isForeignOrigin({ host, origin: 'https://team.example' })).toBe(false);
    for (const origin of [
      'http://team.example',
      'https://team.example.evil.example',
      'https://evil.example',
      'null',
    ])
      expect(behindProxy.isForeignOrigin({ host, origin })).toBe(true);
  });

  it('makes the cookie one for HTTPS and for its path [G-04]', () => {
    expect(loginCookie('x', behindProxy, null)).toBe(
      'holdfast_token=x; HttpOnly; SameSite=Strict; Path=/holdfast/; Secure',
    );
    expect(loginCookie('x', address, 0)).toBe(
      'holdfast_token=x; HttpOnly; SameSite=Strict; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
    );
  });

  it.each([
    ['/holdfast/v1/me', '/v1/me'],
    ['/v1/me', '/v1/me'],
    ['/holdfast', '/'],
    ['/holdfast?x=1', '/?x=1'],
    ['/holdfaster/v1', '/holdfaster/v1'],
  ])('takes its path off %s', (given, path) =>
    expect(withoutBasePath(given, behindProxy.basePath)).toBe(path),
  );
});
