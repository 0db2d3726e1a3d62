// Holds the documentation of the metrics and the alert rules against the metrics themselves.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { metrics } from '@holdfast/shared/runtime';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const namesIn = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/holdfast_[a-z_]+[a-z]/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, '')),
  );

const known = new Set(Object.values(metrics).map((metric) => String(Reflect.get(metric, 'name'))));

describe('what operators are told of the metrics [K-03]', () => {
  it('names each of them in docs/OPERATIONS.md', () => {
    const documented = namesIn(read('docs/OPERATIONS.md').split('## Metrics')[1] ?? '');
    expect([...known].filter((name) => !documented.has(name))).toEqual([]);
    const generic = /^holdfast_(process|nodejs)$/;
    expect([...documented].filter((name) => !known.has(name) && !generic.test(name))).toEqual([]);
  });

  it('alerts on metrics that there are', () => {
    const used = namesIn(read('deploy/prometheus/alerts.yml'));
    expect(used.size).toBeGreaterThan(5);
    expect([...used].filter((name) => !known.has(name))).toEqual([]);
  });
});
