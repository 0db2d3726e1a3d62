import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { createFixture, NODE_BINARY, writePretence, type Fixture } from './support/fixture.ts';
import {
  endCommands,
  isRoot,
  onSmallDisk,
  ourLines,
  runCommand,
  startCommand,
  type Ran,
} from './support/run.ts';

let fixture: Fixture;
beforeEach(async () => void (fixture = await createFixture()));
afterEach(async () => {
  endCommands();
  await fixture[Symbol.asyncDispose]();
});

function up(args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return runCommand(['npm', 'run', '--silent', 'up', ...(args.length > 0 ? ['--', ...args] : [])], {
    cwd: fixture.dir,
    env: { ...fixture.env, ...env },
  });
}

/** Runs the bootstrap in a process that takes itself for another version or machine. */
async function upPretending(code: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const file = await writePretence(fixture.dir, code);
  return runCommand(['node', '--require', file, 'scripts/bootstrap.cjs', 'up'], {
    cwd: fixture.dir,
    env: { ...fixture.env, ...env },
  });
}

const OLD_NODE = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } });`;

function expectOneLine(ran: Ran, pattern: RegExp): void {
  const lines = ourLines(ran.stderr).filter((line) => !line.startsWith('holdfast: installing packages'));
  expect(lines).toEqual([expect.stringMatching(pattern)]);
  expect(ran.exitCode).toBe(1);
  expect(ran.stdout).not.toContain('started');
}

describe('a checkout with nothing installed [K-02]', () => {
  it('gets its packages, and the command runs under Node 24 with its exit code passed on', async () => {
    const ran = await up(['exit', '7']);
    expect(ran.stdout).toContain('started under 24.');
    expect(ran.exitCode).toBe(7);
    expect(ourLines(ran.stderr)[0]).toMatch(/installing packages/);
  });

  it('is installed once: the next command starts without asking a registry', async () => {
    await up();
    await fixture.registry[Symbol.asyncDispose]();
    const ran = await up();
    expect(ran.stdout).toContain('started');
    expect(ran.stderr).toBe('');
  });

  it('is installed once also when two commands start at the same time', async () => {
    const [first, second] = await Promise.all([up(), up()]);
    expect([first.exitCode, second.exitCode]).toEqual([0, 0]);
    expect(fixture.registry.downloads()).toBe(2);
    expect(first.stderr + second.stderr).toContain('another command is installing packages');
  });

  it('prints a line of progress every few seconds while it installs', async () => {
    const script = join(fixture.dir, '../slow-npm/npm');
    await runCommand(['mkdir', '-p', join(script, '..')], { cwd: '/', env: fixture.env });
    await writeFile(script, '#!/bin/sh\nsleep 6\nexit 1\n');
    await chmod(script, 0o755);
    const ran = await runCommand(['node', 'scripts/bootstrap.cjs', 'up'], {
      cwd: fixture.dir,
      env: { ...fixture.env, PATH: `${join(script, '..')}:${fixture.env['PATH']}` },
    });
    expect(ourLines(ran.stderr).filter((line) => / s so far/.test(line)).length).toBeGreaterThan(0);
  });
});

describe('an installed checkout', () => {
  it('is installed again when the lock file asks for another version', async () => {
    await up();
    const record = join(fixture.dir, 'node_modules/.package-lock.json');
    await writeFile(record, (await readFile(record, 'utf8')).replaceAll('24.21.0', '24.20.0'));
    const ran = await up();
    expect(ran.stderr).toContain('installing packages');
    expect(ran.exitCode).toBe(0);
  });

  it('runs the pinned Node where the machine has an older one', async () => {
    await up();
    const ran = await upPretending(OLD_NODE);
    expect(ran.stdout).toMatch(/started under 24\./);
    expect(ran.exitCode).toBe(0);
  });

  it('stops with its command when npm is told to stop, and when npm is killed', async () => {
    await up();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const running = startCommand(['npm', 'run', '--silent', 'up', '--', 'wait'], {
        cwd: fixture.dir,
        env: fixture.env,
      });
      await until(() => running.output().includes('started'), { what: 'the command to start' });
      running.child.kill(signal);
      await running.ended;
      expect(running.output()).toMatch(/got SIGTERM/);
    }
  });

  it('stops its command when the bootstrap itself is killed', async () => {
    await up();
    const file = await writePretence(fixture.dir, OLD_NODE);
    const running = startCommand(['node', '--require', file, 'scripts/bootstrap.cjs', 'up', 'wait'], {
      cwd: fixture.dir,
      env: fixture.env,
    });
    await until(() => running.output().includes('started'), { what: 'the command to start' });
    running.child.kill('SIGKILL');
    await running.ended;
    expect(running.output()).toContain('disconnected');
  });
});

describe('what a person can do something about is one line with the fix, and exit code 1', () => {
  it('the registry cannot be reached', async () => {
    await fixture.registry[Symbol.asyncDispose]();
    expectOneLine(await up(), /registry cannot be reached \(ECONNREFUSED\).*npm config get registry/);
  });

  it('Node is older than 18', async () => {
    const code = `Object.defineProperty(process, 'versions', { value: { node: '16.20.2' } });`;
    expectOneLine(await upPretending(code), /Node\.js 16\.20\.2 is too old\. Install Node\.js 18/);
  });

  it.each([
    ['platform', 'win32', /\(win32-\w+\) is not supported.*WSL/],
    ['arch', 'riscv64', /-riscv64\) is not supported.*x64 or arm64/],
  ])('the machine has the unsupported %s %s', async (what, value, pattern) => {
    const code = `Object.defineProperty(process, '${what}', { value: '${value}' });`;
    expectOneLine(await upPretending(code), pattern);
  });

  it('install scripts were skipped: the platform package is used and nothing is wrong', async () => {
    const env = { npm_config_ignore_scripts: 'true' };
    await up([], env);
    const ran = await upPretending(OLD_NODE, env);
    expect(ran.stdout).toContain('started under 24.');
    expect(ran.exitCode).toBe(0);
  });

  it('optional packages were skipped as well, so that there is no Node 24', async () => {
    fixture.registry.withhold(NODE_BINARY);
    const ran = await upPretending(OLD_NODE, { npm_config_ignore_scripts: 'true' });
    expectOneLine(ran, /Node\.js 24\.12 or newer is missing.*npm ci --include=optional/);
  });

  it('npm leaves out optional packages by its own settings: they are installed all the same', async () => {
    const ran = await up([], { npm_config_omit: 'optional', NODE_ENV: 'production' });
    expect(ran.exitCode).toBe(0);
    expect(fixture.registry.downloads()).toBe(2);
  });

  it('the checkout is not writable', async () => {
    if (!isRoot) await chmod(fixture.dir, 0o555);
    const ran = await runCommand(['node', 'scripts/bootstrap.cjs', 'up'], {
      cwd: fixture.dir,
      env: fixture.env,
      asNobody: true,
    });
    await chmod(fixture.dir, 0o755);
    expectOneLine(ran, /is not writable for this user \(EACCES\).*chown/);
  });

  it('the disk is full', async () => {
    await using large = await createFixture({ ballast: randomBytes(16 * 1024 * 1024) });
    const disk = join(large.dir, '../disk');
    await mkdir(disk);
    const script = `cp -r '${large.dir}/.' '${disk}' && cd '${disk}' && npm run --silent up`;
    const ran = await runCommand(onSmallDisk(disk, 4, script), { cwd: large.dir, env: large.env });
    expectOneLine(ran, /disk is full.*Free about/);
  });

  it('npm is missing', async () => {
    const ran = await runCommand([process.execPath, 'scripts/bootstrap.cjs', 'up'], {
      cwd: fixture.dir,
      env: { ...fixture.env, PATH: '/nowhere' },
    });
    expectOneLine(ran, /npm cannot be run \(ENOENT\).*Install npm/);
  });

  it('the command is unknown', async () => {
    const ran = await runCommand(['node', 'scripts/bootstrap.cjs', 'upp'], {
      cwd: fixture.dir,
      env: fixture.env,
    });
    expectOneLine(ran, /no command "upp".*npm run up/);
  });
});
