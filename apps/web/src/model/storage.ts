// What the page keeps in the browser: small texts by name. A browser that refuses storage only loses comfort.

const PREFIX = 'holdfast:';

export function readStored(name: string): string | undefined {
  try {
    return localStorage.getItem(PREFIX + name) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Undefined or empty removes the entry. */
export function writeStored(name: string, value: string | undefined): void {
  try {
    if (value === undefined || value === '') localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch {
    // Private windows may refuse: nothing is kept then.
  }
}
