export { assertNever } from './assert-never.ts';
export { fullJitterBackoff } from './backoff.ts';
export { createDeferred, type Deferred } from './deferred.ts';
export { withDeadline, DeadlineError } from './deadline.ts';
export { nearestName } from './nearest-name.ts';
