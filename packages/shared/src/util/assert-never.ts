/** Fails to compile when a union member is not handled; throws if an unknown value arrives at run time. */
export function assertNever(value: never, what = 'value'): never {
  throw new Error(`unexpected ${what}: ${JSON.stringify(value)}`);
}
