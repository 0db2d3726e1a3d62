// Reads configuration from an environment: once, validated, frozen; unknown names under our prefix are refused.
import { nearestName } from '../util/nearest-name.ts';
import { variables, VARIABLE_PREFIX, type Variable, type VariableName } from './variables.ts';

type ValueOf<Name extends VariableName> = (typeof variables)[Name] extends Variable<infer T> ? T : never;

/** The parsed values of the chosen variables, by their environment names. */
export type Config<Name extends VariableName> = { readonly [K in Name]: ValueOf<K> };

/** Configuration that cannot be used. `problems` has one finished sentence for each fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'config_invalid';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/**
 * Parses the named variables out of `env`.
 * Throws {@link ConfigError} for an invalid value, and for any variable under the product's prefix
 * that no part of the product knows (with the nearest known name).
 */
export function loadConfig<const Name extends VariableName>(
  env: Readonly<Record<string, string | undefined>>,
  names: readonly Name[],
): Config<Name> {
  const problems = unknownVariables(env);
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const variable: Variable = variables[name];
    const raw = env[name] === undefined || env[name] === '' ? variable.fallback : env[name];
    const parsed = variable.schema.safeParse(raw);
    if (parsed.success) values[name] = parsed.data;
    else {
      const shown = variable.secret ? '(hidden)' : JSON.stringify(raw);
      const why = parsed.error.issues.map((issue) => issue.message).join('; ');
      problems.push(`${name}=${shown} is not valid: ${why}. It is: ${variable.about}.`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(values) as Config<Name>; // every requested name was filled above
}

/** One sentence for each variable under our prefix that nothing reads. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.keys(variables);
  return Object.keys(env)
    .filter((name) => name.startsWith(VARIABLE_PREFIX) && !known.includes(name))
    .map((name) => {
      const nearest = nearestName(name, known);
      const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`;
      return `${name} is not a variable of Holdfast.${hint}`;
    });
}

/** The configuration as it may be printed: secrets are replaced. */
export function redactConfig(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => {
      const variable: Variable | undefined = Object.hasOwn(variables, name)
        ? variables[name as VariableName] // just checked to be a key
        : undefined;
      return [name, variable?.secret && value !== undefined ? '(set)' : value];
    }),
  );
}
