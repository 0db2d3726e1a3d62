// Earlier versions of the list and the baseline, as git keeps them.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Past } from './check.ts';
import { BASELINE_PATH, checkout, LIST_PATH, parseBaseline, parseList } from './list.ts';

const execute = promisify(execFile);

/** Reads git; without git, or in a checkout without history, the past is empty. */
export async function readPast(): Promise<Past> {
  const commits = (await git('log', '--format=%H', '--', BASELINE_PATH)) ?? '';
  const texts = await Promise.all(
    commits
      .split('\n')
      .filter((commit) => commit !== '')
      .map(async (commit) => git('show', `${commit}:${BASELINE_PATH}`)),
  );
  const list = await git('show', `HEAD:${LIST_PATH}`);
  return {
    baselines: texts.filter((text) => text !== undefined).map((text) => parseBaseline(text)),
    ids: list === undefined ? [] : parseList(list).map(({ id }) => id),
  };
}

async function git(...args: string[]): Promise<string | undefined> {
  try {
    return (await execute('git', args, { cwd: checkout, timeout: 20_000 })).stdout;
  } catch {
    return undefined;
  }
}
