// Which machines the set-up supports, and the names of the packages that carry binaries for them.
import { existsSync } from 'node:fs';
import { SetupFailure } from './failure.mjs';

const SYSTEMS = ['linux', 'darwin'];
const PROCESSORS = ['x64', 'arm64'];

/** `{os, cpu, libc}` of this machine; `libc` is 'glibc' or 'musl' on Linux, else undefined. */
export function thisPlatform() {
  const os = process.platform;
  return { os, cpu: process.arch, libc: os === 'linux' ? linuxLibc() : undefined };
}

export function platformName(platform) {
  return `${platform.os}-${platform.cpu}${platform.libc === 'musl' ? '-musl' : ''}`;
}

/** Throws {@link SetupFailure} on a machine that has no binaries of Node 24 or of the CLI. */
export function checkPlatform(platform) {
  if (SYSTEMS.includes(platform.os) && PROCESSORS.includes(platform.cpu)) return;
  throw new SetupFailure(
    `This machine (${platformName(platform)}) is not supported.`,
    'Use Linux or macOS on an x64 or arm64 processor (on Windows: inside WSL 2).',
  );
}

/** True when a lock file entry is meant for this platform; missing lists mean "any". */
export function fitsPlatform(entry, platform) {
  return (
    fitsList(entry.os, platform.os) &&
    fitsList(entry.cpu, platform.cpu) &&
    (platform.libc === undefined || fitsList(entry.libc, platform.libc))
  );
}

function fitsList(list, value) {
  const names = list === undefined ? [] : [list].flat();
  return names.length === 0 || names.includes(value);
}

function linuxLibc() {
  const loaders = { x64: ['/lib64/ld-linux-x86-64.so.2'], arm64: ['/lib/ld-linux-aarch64.so.1'] };
  const glibc = loaders[process.arch]?.some((loader) => existsSync(loader)) ?? true;
  const musl = existsSync(`/lib/ld-musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`);
  return musl && !glibc ? 'musl' : 'glibc';
}
