// What the commands have in common: the way to the gateway, and options that mean the same everywhere.
import { Client, type HttpApi } from '@holdfast/client';
import { findAddress, type Address } from '../address.ts';
import type { CommandContext } from '../io.ts';

/** A way to the gateway that was found; the client connects when it is first used. */
export interface Gateway {
  readonly address: Address;
  readonly http: HttpApi;
  readonly client: Client;
}

/** Runs `use` with a client that is closed afterwards. `onAddress` is told where it went, for the failure line. */
export async function withGateway<T>(
  context: CommandContext & { readonly onAddress: (address: Address) => void },
  use: (gateway: Gateway) => Promise<T>,
): Promise<T> {
  const address = await findAddress(context);
  context.onAddress(address);
  using client = new Client({ url: address.url, token: address.token, clientName: 'holdfast-cli' });
  return await use({ address, http: client.http, client });
}

/** What a command is run with: the context, and where to report the address it used. */
export type RunContext = CommandContext & { readonly onAddress: (address: Address) => void };

export interface JsonOption {
  readonly json?: boolean;
}
