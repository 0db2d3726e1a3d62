// Tells on stderr when the connection is gone and when it is back; once each, however many tries it takes.
import type { Client } from '@holdfast/client';

export function watchConnection(client: Client, note: (line: string) => void): () => void {
  let wasLive = false;
  let isTold = false;
  return client.connection.subscribe(() => {
    const { kind } = client.connection.getSnapshot();
    if (kind === 'live') {
      if (isTold) note('connected again');
      wasLive = true;
      isTold = false;
    } else if (kind !== 'closed' && wasLive && !isTold) {
      note('reconnecting');
      isTold = true;
    }
  });
}
