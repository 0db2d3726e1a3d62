import { describe, expect, it } from 'vitest';
import { identityOfRequest, isForeignOrigin, loginCookie } from '../../src/auth/credentials.ts';
import { createTokenAuthenticator } from '../../src/auth/token.ts';

const token = 'sixteen chars; or more=';
const authenticator = createTokenAuthenticator(token);
const cookie = loginCookie(token).split(';', 1)[0] ?? '';
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
    { what: 'nothing', headers: {}, user: undefined },
  ])('$what gives $user', async ({ headers, user }) => {
    expect((await identityOfRequest(headers, authenticator))?.userId).toBe(user);
  });

  it('a header with a wrong token is not helped by a right cookie', async () => {
    const headers = { authorization: 'Bearer wrong', cookie, host };
    expect(await identityOfRequest(headers, authenticator)).toBeUndefined();
  });

  it.each(['https://evil.example', `https://${host}.evil.example`, 'null', 'https://hold.example'])(
    'the cookie sent along for a page of %s is refused [G-04]',
    async (origin) => {
      await expect(identityOfRequest({ cookie, host, origin }, authenticator)).rejects.toMatchObject({
        code: 'origin_refused',
      });
      expect(isForeignOrigin({ host, origin })).toBe(true);
    },
  );

  it('a token that is a part of the right one, or longer, is wrong', async () => {
    for (const wrong of ['', token.slice(0, -1), `${token}x`])
      expect(await authenticator.authenticate(wrong)).toBeUndefined();
    expect(await authenticator.authenticate(token)).toMatchObject({ userId: 'local', expiresAt: null });
  });
});
