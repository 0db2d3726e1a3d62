// Which versions of the CLI the product was tested with: the one place that says it.

/** The tested range, both ends included. Another version runs, with a warning in the session and in `inspect`. */
export const TESTED_CLI_VERSIONS: { readonly from: string; readonly to: string } = {
  from: '2.1.197',
  to: '2.1.197',
};

/** Whether a version lies in the tested range, compared number by number. */
export function isTested(version: string): boolean {
  return (
    compareVersions(version, TESTED_CLI_VERSIONS.from) >= 0 &&
    compareVersions(version, TESTED_CLI_VERSIONS.to) <= 0
  );
}

function compareVersions(one: string, other: string): number {
  const [left, right] = [one, other].map((text) =>
    text.split('.').map((part) => Number.parseInt(part, 10) || 0),
  );
  for (let index = 0; index < 3; index += 1) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
