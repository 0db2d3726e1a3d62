/** The protocol's version: the number in `hello` and the suffix of the WebSocket subprotocol. */
export const PROTOCOL_VERSION = 1;
export const WEBSOCKET_SUBPROTOCOL = 'holdfast.v1';
/** A subprotocol that begins so carries an access token in base64url. */
export const TOKEN_SUBPROTOCOL = 'holdfast.token.';
