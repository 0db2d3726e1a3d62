// The set-up as a person meets it: real clones, the real registries, real old versions of Node.
import { chown, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureRedisServer } from '../../apps/cli/src/up/redis/source.ts';
import { repository } from '../setup/support/fixture.ts';
import { endCommands, isRoot, NOBODY, runCommand, startCommand, type Ran } from '../setup/support/run.ts';
import { until } from '../support/until.ts';

/** The machine's programs, without those of this checkout and whatever npm put before them. */
const MACHINE_PATH = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('/node_modules/'))
  .join(delimiter);

/** How this machine reaches a registry: its proxy and its certificates. */
const NETWORK = Object.fromEntries(Object.entries(process.env).filter(([name]) => /cert|proxy/i.test(name)));

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'hf-slow-'))));
afterEach(async () => {
  endCommands();
  await rm(root, { recursive: true, force: true });
});

const users = isRoot ? (['root', 'a plain user'] as const) : (['a plain user'] as const);

describe('a fresh clone [K-02]', () => {
  it.each(users)(
    'is ready within 3 minutes for %s, with a line at least every 10 s, and in under 10 s once installed',
    async (user) => {
      const asNobody = user === 'a plain user';
      const env = { ...NETWORK, PATH: MACHINE_PATH, HOME: root, HOLDFAST_PORT: '0' };
      const clone = ['git', 'clone', '--quiet', '--no-hardlinks', repository, 'clone'] as const;
      expect(await runCommand(clone, { cwd: root, env })).toMatchObject({ exitCode: 0 });
      if (asNobody && isRoot) {
        await runCommand(['chown', '-R', `${NOBODY}:${NOBODY}`, root], { cwd: '/', env });
      }
      const up = startCommand(['npm', 'run', 'up'], { cwd: join(root, 'clone'), env, asNobody });
      const startedAt = performance.now();
      let lines = 0;
      let lineAt = startedAt;
      let longestSilenceMs = 0;
      await until(
        () => {
          const now = performance.now();
          const seen = up.output().split('\n').length;
          longestSilenceMs = Math.max(longestSilenceMs, now - lineAt);
          if (seen > lines) [lines, lineAt] = [seen, now];
          return up.output().includes('holdfast: ready in');
        },
        { what: 'the clone to be ready', limitMs: 180_000 },
      );
      expect(longestSilenceMs).toBeLessThan(10_000);
      up.child.kill('SIGTERM');
      expect((await up.ended).exitCode).toBe(0);
      // Once installed. Here and not in the fast tier, where other tests share the machine.
      const again = startCommand(['npm', 'run', 'up'], { cwd: join(root, 'clone'), env, asNobody });
      await until(() => again.output().includes('holdfast: ready in'), {
        what: 'the next start',
        limitMs: 10_000,
      });
      again.child.kill('SIGTERM');
      expect((await again.ended).exitCode).toBe(0);
    },
  );
});

describe('Node of the machine', () => {
  const platform = `${process.platform}-${process.arch}`;

  async function withNode(major: number): Promise<Ran> {
    const env = { ...NETWORK, PATH: MACHINE_PATH, HOME: root };
    const name = `node-${platform}`;
    const install = ['npm', 'install', '--no-save', '--prefix', root, `${name}@${major}`] as const;
    expect(await runCommand(install, { cwd: root, env })).toMatchObject({ exitCode: 0 });
    const node = join(root, 'node_modules', name, 'bin/node');
    const bootstrap = [node, join(repository, 'scripts/bootstrap.cjs'), 'up', '--help'] as const;
    return runCommand(bootstrap, { cwd: root, env });
  }

  it.each([10, 12, 16])('%i is refused with one line', async (major) => {
    const ran = await withNode(major);
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^holdfast: Node\.js \d+\.\d+\.\d+ is too old\. Install Node\.js 18 or newer/),
    ]);
  });

  it.each([18, 20, 22])('%i is enough', async (major) => {
    const ran = await withNode(major);
    expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^Usage: npm run up/);
  });
});

describe('Redis from Debian packages [K-02]', () => {
  /** Every program of the machine but those of Redis. */
  async function pathWithoutRedis(): Promise<string> {
    const folder = join(root, 'bin');
    await mkdir(folder);
    for (const source of MACHINE_PATH.split(delimiter)) {
      for (const name of await readdir(source).catch(() => [])) {
        if (!name.startsWith('redis')) await symlink(join(source, name), join(folder, name)).catch(() => {});
      }
    }
    return folder;
  }

  it.each(users)('is fetched, unpacked and runs for %s; nothing is installed', async (user) => {
    const asNobody = user === 'a plain user';
    if (asNobody && isRoot) await chown(root, NOBODY, NOBODY);
    const env = {
      PATH: await pathWithoutRedis(),
      HOME: root,
      HOLDFAST_PORT: '0',
      HOLDFAST_DATA_DIR: join(root, 'd'),
    };
    const command = [process.execPath, 'scripts/bootstrap.cjs', 'up'] as const;
    const up = startCommand(command, { cwd: repository, env, asNobody });
    await until(() => up.output().includes('holdfast: ready in'), { what: 'up', limitMs: 120_000 });
    expect(up.output()).toMatch(/fetching Redis from Debian packages/);
    expect(up.output()).toMatch(/redis +ready +7\./);
    up.child.kill('SIGTERM');
    expect((await up.ended).exitCode).toBe(0);
    expect((await readdir(join(root, 'd'))).sort()).not.toContain('apt');
  });

  it('is fetched once: the next start finds it', async () => {
    const env = { PATH: await pathWithoutRedis() };
    const lines: string[] = [];
    const progress = (line: string): void => void lines.push(line);
    const first = await ensureRedisServer({ env, dataDir: root, progress });
    const announced = lines.length;
    expect(await ensureRedisServer({ env, dataDir: root, progress })).toEqual(first);
    expect(lines).toHaveLength(announced);
  });
});
