// How things stand with the connection, as it is: never a spinner that means nothing.
import { clsx } from 'clsx';
import type { ConnectionStatus } from '@holdfast/client';
import { useEffect, useState, type ReactNode } from 'react';
import { strings } from '../strings.ts';

export function ConnectionPill({ status }: { status: ConnectionStatus }): ReactNode {
  const isLive = status.kind === 'live';
  const isBad = status.kind === 'offline' || status.kind === 'closed' || status.kind === 'reconnecting';
  const text = useText(status);
  return (
    <span
      role="status"
      data-connection={status.kind}
      title={status.kind === 'offline' ? strings.connection.offlineHint : undefined}
      className={clsx(
        'inline-flex h-6 shrink-0 items-center gap-1.5 rounded-full px-2 text-xs whitespace-nowrap',
        isBad ? 'bg-warn-soft text-warn' : 'text-muted',
      )}
    >
      <span className={clsx('size-2 rounded-full', isLive ? 'bg-good' : 'bg-current')} />
      <span className={clsx(isLive && 'max-sm:sr-only')}>{text}</span>
    </span>
  );
}

function useText(status: ConnectionStatus): string {
  const retryAt = status.kind === 'reconnecting' ? status.retryAt : null;
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (retryAt === null) return;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [retryAt]);
  if (status.kind !== 'reconnecting') return strings.connection[status.kind];
  return strings.connection.reconnecting(Math.max(0, Math.ceil((status.retryAt - now) / 1000)));
}
