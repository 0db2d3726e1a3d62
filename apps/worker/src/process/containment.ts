// How a child is held. In a PID namespace its end is the end of everything it started; elsewhere we can only
// sweep up what carries the session's environment marker.
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type Containment = 'namespace' | 'sweep';

/** Environment variable every process of a session inherits; its value is the session id. */
export const SESSION_MARKER = 'HF_SESSION_ID';

/** The same for one child of a session: a later child, perhaps of another worker, has another value. */
export const CHILD_MARKER = 'HF_CHILD_ID';

const PROBE_TIMEOUT_MS = 5_000;

/** What was decided for a worker: the kind, and the command line in front of the CLI's own. */
export interface ContainmentPlan {
  readonly kind: Containment;
  readonly prefix: readonly string[];
  /** Why not a namespace, when it was refused; null otherwise. */
  readonly refusal: string | null;
}

/** `--pdeathsig KILL`: the kernel ends the child even if the worker is SIGKILLed. */
const DIE_WITH_WORKER = ['setpriv', '--pdeathsig', 'KILL'];

function namespacePrefix(uid: number): string[] {
  const userNamespace = uid === 0 ? [] : ['--user', '--map-current-user'];
  return [
    ...DIE_WITH_WORKER,
    ...['unshare', ...userNamespace, '--pid', '--fork', '--kill-child=KILL', '--mount-proc', '--'],
  ];
}

/**
 * Decides how children of this worker are held: `wanted` as configured. `auto` takes a namespace where a probe
 * shows that it works; `namespace` throws a sentence for the operator where it does not.
 */
export async function planContainment(wanted: 'auto' | Containment, uid: number): Promise<ContainmentPlan> {
  const prefix = namespacePrefix(uid);
  const refusal = wanted === 'sweep' ? 'HOLDFAST_CONTAINMENT=sweep' : await probe(prefix);
  if (refusal === null) return { kind: 'namespace', prefix, refusal };
  if (wanted === 'namespace') {
    throw new Error(
      `HOLDFAST_CONTAINMENT=namespace, but a PID namespace can not be made here (${refusal}). ` +
        'Allow it for this user or container, or set HOLDFAST_CONTAINMENT=auto.',
    );
  }
  const dies = (await probe(DIE_WITH_WORKER)) === null;
  return { kind: 'sweep', prefix: dies ? DIE_WITH_WORKER : [], refusal };
}

/** null when commands run behind this prefix, else why they do not. */
async function probe(prefix: readonly string[]): Promise<string | null> {
  const [command = '', ...args] = prefix;
  try {
    await run(command, [...args, 'true'], { timeout: PROBE_TIMEOUT_MS });
    return null;
  } catch (error) {
    return error instanceof Error
      ? (error.message.trim().split('\n').at(-1) ?? error.message)
      : String(error);
  }
}

/** Ids of all processes on this machine whose environment has `marker` with this value. */
export async function findMarked(value: string, marker: string = SESSION_MARKER): Promise<number[]> {
  const needle = `${marker}=${value}`;
  const entries = await readdir('/proc').catch(() => []);
  const pids = entries.filter((name) => /^\d+$/.test(name)).map(Number);
  const marked = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
      return environment.split('\0').includes(needle) ? pid : null;
    }),
  );
  return marked.filter((pid) => pid !== null && pid !== process.pid) as number[]; // nulls were filtered out
}

/** Direct children of a process, as the kernel tells; empty where it does not. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}
