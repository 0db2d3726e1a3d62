// What `holdfast doctor` finds: one line per thing that was looked at, with the fix where one is needed.

export type CheckStatus = 'ok' | 'warning' | 'failed';

export interface Check {
  readonly name: string;
  readonly status: CheckStatus;
  /** What was found, in a few words. */
  readonly found: string;
  /** What a person does about it; only where the status is not `ok`. */
  readonly fix?: string;
}

export function ok(name: string, found: string): Check {
  return { name, status: 'ok', found };
}

export function warning(name: string, found: string, fix: string): Check {
  return { name, status: 'warning', found, fix };
}

export function failed(name: string, found: string, fix: string): Check {
  return { name, status: 'failed', found, fix };
}

/** Runs a check; what it throws is its finding. */
export async function attempt(
  name: string,
  check: () => Promise<readonly Check[]>,
  fix: string,
): Promise<readonly Check[]> {
  try {
    return await check();
  } catch (error) {
    return [failed(name, error instanceof Error ? error.message : String(error), fix)];
  }
}
