import { distance } from 'fastest-levenshtein';

/**
 * Finds the known name closest to a mistyped one, for "did you mean" hints.
 * Returns undefined when nothing is close enough to be a plausible typing error.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const steps = distance(name, candidate);
    if (steps < bestDistance) {
      best = candidate;
      bestDistance = steps;
    }
  }
  return bestDistance <= Math.max(3, Math.ceil(name.length / 3)) ? best : undefined;
}
