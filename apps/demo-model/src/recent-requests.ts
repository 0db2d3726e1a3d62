// Remembers the last calls, so that tests and people can see what reached the model.

const kept = 100;
const promptChars = 2000;

/** One call. `promptText` is the newest real prompt, shortened; `toolNames` are the tools offered with it. */
interface RecentRequest {
  readonly at: string;
  readonly path: string;
  readonly promptText: string;
  readonly model: string;
  readonly stream: boolean;
  readonly toolNames: readonly string[];
}

export interface RecentRequests {
  add(request: Omit<RecentRequest, 'at'>): void;
  /** `count` is the number of calls since the start, `last` the newest 100, oldest first. */
  list(): { readonly count: number; readonly last: readonly RecentRequest[] };
}

export function createRecentRequests(): RecentRequests {
  let count = 0;
  const last: RecentRequest[] = [];
  return {
    add(request) {
      count++;
      // Through a buffer: a slice would keep the whole prompt in memory.
      const promptText = Buffer.from(request.promptText.slice(0, promptChars)).toString();
      last.push({ at: new Date().toISOString(), ...request, promptText });
      if (last.length > kept) last.shift();
    },
    list: () => ({ count, last: [...last] }),
  };
}
