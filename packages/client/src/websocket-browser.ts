// Browsers, and whatever else has a global WebSocket.
import type { WebSocketConstructor } from './websocket-transport.ts';

export const PlatformWebSocket = globalThis.WebSocket as unknown as WebSocketConstructor; // the part of it we use
