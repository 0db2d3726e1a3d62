// What the connection needs of a socket: one object for one connection attempt.

export interface TransportHandlers {
  readonly onOpen: () => void;
  readonly onText: (text: string) => void;
  /** Called once, and never after `close` was called here. 1006: no close frame was seen. */
  readonly onClose: (closeCode: number) => void;
}

export interface Transport {
  readonly open: (url: string, handlers: TransportHandlers) => void;
  /** Sends one text frame; does nothing unless the transport is open. */
  readonly send: (text: string) => void;
  /** Ends the transport at once as far as the caller is concerned, whether or not the peer still answers. */
  readonly close: (closeCode?: number) => void;
}
