// The transport over a WebSocket: the browser's, or that of `ws` (the same interface plus `terminate`).
import { WEBSOCKET_SUBPROTOCOL } from '@holdfast/shared/protocol';
import type { Transport, TransportHandlers } from './transport.ts';

/** The part of a WebSocket that is used here; browsers and `ws` both have it. */
export interface WebSocketLike {
  readonly readyState: number;
  binaryType: string;
  send(text: string): void;
  close(code?: number): void;
  /** Only `ws`: ends the socket without waiting for a closing handshake. */
  terminate?(): void;
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
}
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

const OPEN = 1;
/** How long a peer has to answer a closing handshake before the socket is cut. */
const CLOSE_GRACE_MS = 1_000;

export function createWebSocketTransport(WebSocketClass: WebSocketConstructor): Transport {
  let socket: WebSocketLike | undefined;
  return {
    open: (url, handlers) => {
      socket = openSocket({ WebSocketClass, url, handlers });
    },
    send: (text) => {
      if (socket?.readyState === OPEN) socket.send(text);
    },
    close: (closeCode = 1000) => {
      if (socket !== undefined) endSocket(socket, closeCode);
      socket = undefined;
    },
  };
}

function openSocket(options: {
  readonly WebSocketClass: WebSocketConstructor;
  readonly url: string;
  readonly handlers: TransportHandlers;
}): WebSocketLike {
  const { WebSocketClass, url, handlers } = options;
  const socket = new WebSocketClass(url, [WEBSOCKET_SUBPROTOCOL]);
  let over = false;
  const end = (closeCode: number): void => {
    if (over) return;
    over = true;
    handlers.onClose(closeCode);
  };
  socket.onopen = () => handlers.onOpen();
  socket.onmessage = (event: { readonly data: unknown }) => {
    if (typeof event.data === 'string') handlers.onText(event.data);
  };
  socket.onclose = (event: { readonly code: number }) => end(event.code);
  // An error is always followed by a close; having a handler keeps `ws` from throwing.
  socket.onerror = () => undefined;
  return socket;
}

function endSocket(socket: WebSocketLike, closeCode: number): void {
  socket.onopen = null;
  socket.onmessage = null;
  if (socket.terminate === undefined || socket.readyState !== OPEN) {
    socket.onclose = null;
    socket.close(closeCode);
    return;
  }
  const cut = setTimeout(() => socket.terminate?.(), CLOSE_GRACE_MS);
  socket.onclose = () => clearTimeout(cut);
  socket.close(closeCode);
}
