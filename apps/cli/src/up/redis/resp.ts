// The smallest Redis client that can log in, ping and read INFO; the terminal client takes no Redis library.
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { RedisAddress } from './address.ts';

/** One reply: text of a status or bulk string, or the code word of an error ("NOAUTH", "LOADING", "ERR"). */
export type RedisReply =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'error'; readonly code: string };

/** Sends `commands` on a fresh connection and resolves to one reply for each; rejects with the socket's error. */
export function askRedis(
  address: RedisAddress,
  commands: readonly (readonly string[])[],
  limitMs: number,
): Promise<RedisReply[]> {
  const all = [...loginCommand(address), ...commands];
  const { promise, resolve, reject } = Promise.withResolvers<RedisReply[]>();
  const socket = open(address);
  let received = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(timeoutError()), limitMs);
  socket.on(address.kind === 'tcp' && address.tls ? 'secureConnect' : 'connect', () => {
    socket.write(all.map((command) => encode(command)).join(''));
  });
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    const replies = decode(received);
    if (replies.length < all.length) return;
    resolve(replies.slice(all.length - commands.length));
    socket.destroy();
  });
  socket.on('error', reject);
  socket.on('close', () => {
    clearTimeout(timer);
    reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
  });
  return promise;
}

/** Decodes the complete replies at the start of `bytes`. A reply of another type is given as an empty text. */
export function decode(bytes: Buffer): RedisReply[] {
  const replies: RedisReply[] = [];
  for (let at = 0; ;) {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) return replies;
    const line = bytes.toString('utf8', at + 1, end);
    const type = String.fromCharCode(bytes[at] ?? 0);
    at = end + 2;
    if (type !== '$') {
      replies.push(
        type === '-' ? { kind: 'error', code: line.split(' ', 1)[0] ?? '' } : { kind: 'text', text: line },
      );
      continue;
    }
    const size = Number(line);
    if (size >= 0 && bytes.length < at + size + 2) return replies;
    replies.push({ kind: 'text', text: size < 0 ? '' : bytes.toString('utf8', at, at + size) });
    at += size < 0 ? 0 : size + 2;
  }
}

function encode(command: readonly string[]): string {
  const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
  return `*${command.length}\r\n${parts.join('')}`;
}

function loginCommand(address: RedisAddress): string[][] {
  if (address.login === undefined) return [];
  const { username, password } = address.login;
  return [username === undefined ? ['AUTH', password] : ['AUTH', username, password]];
}

function open(address: RedisAddress): Socket {
  if (address.kind === 'unix') return connectTcp({ path: address.path });
  const { host, port } = address;
  return address.tls ? connectTls({ host, port, servername: host }) : connectTcp({ host, port });
}

function timeoutError(): Error {
  return Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
}
