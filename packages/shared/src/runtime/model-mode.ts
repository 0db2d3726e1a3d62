// Decides which model answers: the real one where credentials are set, else the scripted demo model.

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables whose mere presence means that somebody gave credentials for a real model. */
const CREDENTIAL_VARIABLES = [
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'HOLDFAST_CLAUDE_CONFIG_DIR',
] as const;

/** Switches of the CLI that select a cloud provider, whose own variables then carry the credentials. */
const PROVIDER_SWITCHES = ['CLAUDE_CODE_USE_BEDROCK', 'CLAUDE_CODE_USE_VERTEX'] as const;

/** Which model answers, why, and what a person does to change it (both finished phrases, without a full stop). */
export interface ModelChoice {
  readonly mode: 'demo' | 'real';
  readonly because: string;
  readonly changeBy: string;
  /** A sentence for a choice that cannot work as it stands, such as the real model without credentials. */
  readonly warning?: string;
}

/** Reads only the names in this file and HOLDFAST_MODEL; never a credentials file, never a value. */
export function chooseModel(env: Environment): ModelChoice {
  const credential = findCredential(env);
  switch (env['HOLDFAST_MODEL'] ?? '') {
    case 'demo':
      return {
        mode: 'demo',
        because: 'HOLDFAST_MODEL=demo',
        changeBy:
          credential === undefined
            ? 'set ANTHROPIC_API_KEY and unset HOLDFAST_MODEL'
            : `unset HOLDFAST_MODEL (${credential} is set)`,
      };
    case 'real':
      return {
        mode: 'real',
        because: 'HOLDFAST_MODEL=real',
        changeBy: 'set HOLDFAST_MODEL=demo',
        ...(credential === undefined
          ? {
              warning:
                'No credentials are set for the real model: set ANTHROPIC_API_KEY, or every turn fails.',
            }
          : {}),
      };
    default:
      return credential === undefined
        ? { mode: 'demo', because: 'no credentials are set', changeBy: 'set ANTHROPIC_API_KEY' }
        : { mode: 'real', because: `${credential} is set`, changeBy: 'set HOLDFAST_MODEL=demo' };
  }
}

/** `env` without anything that gives or selects a real model; tests and benches run in it. */
export function withoutModelCredentials<T extends Environment>(env: T): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !isModelVariable(entry[0]),
    ),
  );
}

function findCredential(env: Environment): string | undefined {
  return (
    CREDENTIAL_VARIABLES.find((name) => (env[name] ?? '') !== '') ??
    PROVIDER_SWITCHES.find((name) => isOn(env[name]))
  );
}

/** The CLI takes these words as "off"; anything else it takes as "on". */
function isOn(value: string | undefined): boolean {
  return !['', '0', 'false', 'no', 'off'].includes((value ?? '').trim().toLowerCase());
}

function isModelVariable(name: string): boolean {
  return (
    /^(ANTHROPIC_|CLAUDE_|AWS_|GOOGLE_|GCLOUD_|CLOUD_ML_|VERTEX_)/.test(name) ||
    name === 'CLAUDECODE' ||
    name === 'HOLDFAST_MODEL' ||
    name === 'HOLDFAST_CLAUDE_CONFIG_DIR'
  );
}
