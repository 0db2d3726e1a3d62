// Node: the `ws` package, because it can cut a socket whose peer is gone.
import { WebSocket } from 'ws';
import type { WebSocketConstructor } from './websocket-transport.ts';

export const PlatformWebSocket = WebSocket as unknown as WebSocketConstructor; // the DOM-like half of ws's own type
