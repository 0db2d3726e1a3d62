// A token bucket as a value: how many requests a peer may make now, refilled with time.

export interface BucketRule {
  readonly capacity: number;
  readonly perSecond: number;
}

export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

export function fullBucket(rule: BucketRule, nowMs: number): Bucket {
  return { tokens: rule.capacity, atMs: nowMs };
}

/** Takes one token if there is one; `taken` tells. */
export function takeToken(
  bucket: Bucket,
  rule: BucketRule,
  nowMs: number,
): { bucket: Bucket; taken: boolean } {
  const refill = (Math.max(0, nowMs - bucket.atMs) / 1000) * rule.perSecond;
  const tokens = Math.min(rule.capacity, bucket.tokens + refill);
  const taken = tokens >= 1;
  return { bucket: { tokens: taken ? tokens - 1 : tokens, atMs: nowMs }, taken };
}
