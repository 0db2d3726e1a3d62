// Turns a failed `npm ci` into one line with a fix, by npm's error code.
import { SetupFailure } from './failure.mjs';
import { diskFull } from './disk.mjs';

const UNREACHABLE = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ERR_SOCKET_TIMEOUT',
  'ETIMEDOUT',
  'FETCH_ERROR',
]);
const CERTIFICATE = new Set([
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** The code npm printed (`npm error code X`, or `npm ERR! code X` before npm 10), or undefined. */
export function npmErrorCode(stderr) {
  return /^npm (?:error|ERR!) code (\S+)$/m.exec(stderr)?.[1];
}

/** `failure` is `{code, stderr, checkout, freeBytes}`; `freeBytes` tells a full disk that npm reported otherwise. */
export function explainNpmFailure({ code, stderr, checkout, freeBytes }) {
  if (code === 'ENOSPC' || (freeBytes !== undefined && freeBytes < 16 * 1024 * 1024))
    return diskFull(checkout);
  if (UNREACHABLE.has(code) || CERTIFICATE.has(code)) {
    const fix = CERTIFICATE.has(code)
      ? 'Give npm the certificate of your proxy ("npm config set cafile ...")'
      : 'Check the network, the proxy and "npm config get registry"';
    return new SetupFailure(`The package registry cannot be reached (${code}).`, `${fix}, then try again.`);
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new SetupFailure(
      `npm may not write ${deniedPath(stderr) ?? checkout} (${code}).`,
      'Give that path to this user with chown, then try again.',
    );
  }
  const first = firstErrorLine(stderr);
  return new SetupFailure(
    `npm ci failed (${code ?? 'no code'}${first === undefined ? '' : `: ${first}`}).`,
    'Run "npm ci" by itself to see all of it.',
  );
}

function deniedPath(stderr) {
  return /^npm (?:error|ERR!) path (.+)$/m.exec(stderr)?.[1];
}

function firstErrorLine(stderr) {
  const lines = stderr.split('\n').map((line) => line.replace(/^npm (?:error|ERR!) ?/, '').trim());
  return lines.find((line) => line !== '' && !/^(code|path|syscall|errno) /.test(line));
}
