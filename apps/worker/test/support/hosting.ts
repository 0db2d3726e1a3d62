// A child host in this process, with scripted agents as its children, and what it was told.
import { mintSessionId, UserId } from '@holdfast/shared/protocol';
import {
  ChildHost,
  type ChildEnvironment,
  type ChildOver,
  type ChildReady,
} from '../../src/session/child-host.ts';
import { createSessionFiles, type SessionFiles } from '../../src/session/session-files.ts';
import { until } from '../../../../test/support/until.ts';
import { mannered, testEnvironment } from './environment.ts';

export interface Hosted {
  readonly host: ChildHost;
  readonly sessionId: string;
  readonly ready: ChildReady[];
  readonly overs: ChildOver[];
  readonly messages: unknown[];
  readonly badLines: string[];
  start(manner?: string, options?: { cwd?: string; cliSessionId?: string }): void;
  untilReady(): Promise<ChildReady>;
  untilOver(): Promise<ChildOver>;
}

export function makeHost(
  dir: string,
  changes: Partial<ChildEnvironment> = {},
  filesOf?: (files: SessionFiles) => SessionFiles,
): Hosted {
  const sessionId = mintSessionId();
  const files = createSessionFiles({
    dataDir: dir,
    userId: UserId.parse('local'),
    sessionId,
    seedDir: undefined,
  });
  const ready: ChildReady[] = [];
  const overs: ChildOver[] = [];
  const messages: unknown[] = [];
  const badLines: string[] = [];
  const host = new ChildHost(
    { ...testEnvironment(changes), sessionId, files: filesOf?.(files) ?? files },
    {
      onReady: (one) => void ready.push(one),
      onOver: (over) => void overs.push(over),
      onMessage: (value) => void messages.push(value),
      onBadLine: (text) => void badLines.push(text),
    },
  );
  return {
    ...{ host, sessionId, ready, overs, messages, badLines },
    start: (manner, { cwd = dir, cliSessionId } = {}) =>
      host.start({ cwd, settings: mannered(manner), cliSessionId: cliSessionId ?? null }),
    untilReady: async () => until(() => ready.at(-1), { what: 'the child to be ready' }),
    untilOver: async () => until(() => overs.at(-1), { what: 'the end of the child' }),
  };
}
