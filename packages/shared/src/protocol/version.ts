/** The protocol's version: the number in `hello` and the suffix of the WebSocket subprotocol. */
export const PROTOCOL_VERSION = 1;
export const WEBSOCKET_SUBPROTOCOL = 'holdfast.v1';
