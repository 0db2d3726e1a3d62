import { createServer } from 'node:net';
import { errorCode, UpFailure } from './failure.ts';

/** Binds the address for a moment; throws {@link UpFailure} where the gateway could not listen on it. */
export async function checkPortFree(host: string, port: number): Promise<void> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port, exclusive: true }, resolve);
  try {
    await promise;
  } catch (error) {
    throw explainListenError(error, host, port);
  } finally {
    server.close();
  }
}

function explainListenError(error: unknown, host: string, port: number): unknown {
  switch (errorCode(error) ?? '') {
    case 'EADDRINUSE':
      return new UpFailure(
        `Port ${port} on ${host} is in use by another program.`,
        'Set HOLDFAST_PORT to a free port (0 takes any), or stop that program.',
      );
    case 'EACCES':
      return new UpFailure(
        `This user may not listen on port ${port}.`,
        'Set HOLDFAST_PORT to a port above 1023.',
      );
    case 'EADDRNOTAVAIL':
      return new UpFailure(
        `${host} is not an address of this machine.`,
        'Set HOLDFAST_HOST to 127.0.0.1, or to an address of this machine.',
      );
    default:
      return error;
  }
}
