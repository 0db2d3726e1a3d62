// Every environment variable of the product, in one table: name, schema, default, who reads it.
// `.env.example`, the README's table and the unknown-variable check are held against this file.
import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';

const text = z.string().trim().min(1);
const port = z.coerce.number().int().min(0).max(65_535);
const count = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const absolutePath = text.transform((value) => (isAbsolute(value) ? value : resolve(value)));
const pathList = text.transform((value) =>
  value
    .split(':')
    .filter((part) => part !== '')
    .map((part) => resolve(part)),
);

/** One documented variable: `schema` parses the raw text; a missing variable takes `fallback` (also raw text). */
export interface Variable<T = unknown> {
  readonly schema: z.ZodType<T, string>;
  readonly fallback?: string;
  readonly secret?: boolean;
  readonly about: string;
}

const define = <T>(variable: {
  schema: z.ZodType<T>;
  fallback?: string;
  secret?: boolean;
  about: string;
}): Variable<T> => variable as unknown as Variable<T>; // env values are strings; z.coerce widens the input type

export const variables = {
  REDIS_URL: define({
    schema: z.url({ protocol: /^(rediss?|unix)$/ }).or(text.startsWith('/')),
    fallback: 'redis://127.0.0.1:6379',
    secret: true,
    about: 'Redis 7.0 or newer: redis://[:password@]host:port[/db], or the path of a Unix socket',
  }),
  HOLDFAST_REDIS_PASSWORD: define({
    schema: text.optional(),
    secret: true,
    about: 'password for REDIS_URL where the address does not carry it (a Unix socket)',
  }),
  HOLDFAST_LOG_LEVEL: define({
    schema: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    fallback: 'info',
    about: 'how much the servers log (JSON lines on stdout)',
  }),
  HOLDFAST_METRICS_PORT: define({
    schema: port.optional(),
    about:
      'port for Prometheus (GET /metrics) on each server; not set: none. `up` gives the workers the ports after it',
  }),
  HOLDFAST_METRICS_HOST: define({
    schema: text,
    fallback: '127.0.0.1',
    about: 'address that the metrics are served on',
  }),
  HOLDFAST_DATA_DIR: define({
    schema: absolutePath,
    fallback: '.holdfast',
    about: 'where Holdfast keeps its data: config directories and transcripts of sessions, the private Redis',
  }),
  HOLDFAST_WORKSPACE_ROOTS: define({
    schema: pathList.optional(),
    about: 'folders that sessions may work in, separated by ":" (default: <data>/workspaces)',
  }),
  HOLDFAST_HOST: define({ schema: text, fallback: '127.0.0.1', about: 'address the gateway listens on' }),
  HOLDFAST_PORT: define({ schema: port, fallback: '8787', about: 'port the gateway listens on' }),
  HOLDFAST_WEB_DIR: define({
    schema: absolutePath.optional(),
    about: 'folder of the built web client (default: what `up` built in the checkout)',
  }),
  HOLDFAST_TOKEN: define({
    schema: z.string().min(16, 'must be at least 16 characters').optional(),
    secret: true,
    about: 'the local access token; the gateway checks it, the clients send it',
  }),
  HOLDFAST_AUTH: define({
    schema: z.enum(['local', 'team']),
    fallback: 'local',
    about: 'who logs in: one user with HOLDFAST_TOKEN, or a team with JWTs of its identity provider',
  }),
  HOLDFAST_OIDC_ISSUER: define({
    schema: z.url({ protocol: /^https?$/ }).optional(),
    about: 'team mode: address of the OpenID provider where browsers log in',
  }),
  HOLDFAST_OIDC_CLIENT_ID: define({
    schema: text.optional(),
    about: 'team mode: what Holdfast is called there',
  }),
  HOLDFAST_OIDC_CLIENT_SECRET: define({
    schema: text.optional(),
    secret: true,
    about: 'team mode: its secret there, where it has one',
  }),
  HOLDFAST_ADMINS: define({
    schema: text.transform((value) => value.split(',').map((part) => part.trim())).optional(),
    about: 'team mode: users who may read the audit trail, separated by commas',
  }),
  HOLDFAST_MAX_CONNECTIONS: define({
    schema: count(0, 1_000_000).optional(),
    about: 'connections of one user over all gateways; 0 = no limit (default: 50 in team mode, else none)',
  }),
  HOLDFAST_MAX_IMAGES: define({
    schema: count(1, 100),
    fallback: '5',
    about: 'images that one prompt may have',
  }),
  HOLDFAST_MAX_IMAGE_MB: define({
    schema: count(1, 100),
    fallback: '5',
    about: 'largest image that is taken for a prompt',
  }),
  HOLDFAST_MAX_FILES: define({
    schema: count(1, 100),
    fallback: '10',
    about: 'other files that one prompt may have',
  }),
  HOLDFAST_MAX_FILE_MB: define({
    schema: count(1, 100),
    fallback: '10',
    about: 'largest other file that is taken for a prompt',
  }),
  HOLDFAST_MAX_SESSIONS: define({
    schema: count(0, 1_000_000).optional(),
    about: 'sessions of one user; 0 = no limit (default: 500 in team mode, else none)',
  }),
  HOLDFAST_MAX_BUSY_SESSIONS: define({
    schema: count(0, 1_000_000).optional(),
    about:
      'sessions of one user with a turn that runs or waits; 0 = no limit (default: 20 in team mode, else none)',
  }),
  HOLDFAST_MAX_COMMANDS: define({
    schema: count(0, 1_000_000).optional(),
    about:
      'commands of one user in a minute, over all gateways; 0 = no limit (default: 600 in team mode, else none)',
  }),
  HOLDFAST_JWT_SECRET: define({
    schema: z.string().min(32, 'must be at least 32 characters').optional(),
    secret: true,
    about: 'team mode: the secret that JWTs are signed with (HS256, HS384, HS512)',
  }),
  HOLDFAST_JWT_PUBLIC_KEY: define({
    schema: absolutePath.optional(),
    about: 'team mode: a PEM file with the public key that JWTs are checked with',
  }),
  HOLDFAST_JWT_JWKS_URL: define({
    schema: z.url({ protocol: /^https?$/ }).optional(),
    about: 'team mode: address of the key set that JWTs are checked with',
  }),
  HOLDFAST_JWT_ISSUER: define({ schema: text.optional(), about: 'team mode: who must have issued a JWT' }),
  HOLDFAST_JWT_AUDIENCE: define({ schema: text.optional(), about: 'team mode: whom a JWT must be for' }),
  HOLDFAST_JWT_USER_CLAIM: define({
    schema: text,
    fallback: 'sub',
    about: 'team mode: the claim of a JWT that names the user',
  }),
  HOLDFAST_ISOLATION: define({
    schema: z.enum(['users', 'shared']),
    fallback: 'users',
    about: 'team mode: shared accepts that agents of all users run as one Unix user',
  }),
  HOLDFAST_PUBLIC_URL: define({
    schema: z.url({ protocol: /^https?$/ }).optional(),
    about: 'where people reach the gateway, with a base path if there is one: for origins, cookies and links',
  }),
  HOLDFAST_TRUSTED_PROXIES: define({
    schema: text.transform((value) => value.split(',').map((part) => part.trim())).optional(),
    about: 'addresses or networks of proxies in front, separated by commas: their X-Forwarded-For counts',
  }),
  HOLDFAST_TLS_CERT: define({
    schema: absolutePath.optional(),
    about: 'a PEM file with the certificate, where the gateway itself speaks TLS',
  }),
  HOLDFAST_TLS_KEY: define({ schema: absolutePath.optional(), about: 'a PEM file with its private key' }),
  HOLDFAST_URL: define({
    schema: z.url({ protocol: /^https?$/ }).optional(),
    about: 'address of the gateway, for the terminal client',
  }),
  HOLDFAST_MODEL: define({
    schema: z.enum(['auto', 'demo', 'real']),
    fallback: 'auto',
    about: 'which model answers: demo (offline, scripted), real, or auto (real when credentials are set)',
  }),
  HOLDFAST_DEMO_MODEL_URL: define({
    schema: z.url({ protocol: /^https?$/ }).optional(),
    about: 'address of the demo model, for the workers',
  }),
  HOLDFAST_DEMO_MODEL_HOST: define({
    schema: text,
    fallback: '127.0.0.1',
    about: 'address the demo model listens on',
  }),
  HOLDFAST_DEMO_MODEL_PORT: define({
    schema: port,
    fallback: '8788',
    about: 'port the demo model listens on',
  }),
  HOLDFAST_CLAUDE_CONFIG_DIR: define({
    schema: absolutePath.optional(),
    about: 'a Claude Code config directory whose settings seed each session (read only when named)',
  }),
  HOLDFAST_CONTAINMENT: define({
    schema: z.enum(['auto', 'namespace', 'sweep']),
    fallback: 'auto',
    about: 'how children are held: their own PID namespace, or a sweep of what they started',
  }),
  HOLDFAST_MAX_CHILDREN: define({
    schema: count(1, 1000),
    fallback: '16',
    about: 'how many CLI children one worker keeps at a time (about 125 MB each)',
  }),
  HOLDFAST_IDLE_MINUTES: define({
    schema: z.coerce.number().min(0).max(100_000),
    fallback: '30',
    about: 'how long an idle child stays warm before it is parked; 0 = never parked',
  }),
  HOLDFAST_RETENTION_DAYS: define({
    schema: z.coerce.number().min(0).max(36_500),
    fallback: '0',
    about: 'sessions that nobody used for this long are deleted, archived ones too; 0 = they are kept',
  }),
  HOLDFAST_HOUSEKEEPING_MINUTES: define({
    schema: z.coerce.number().min(0.01).max(10_080),
    fallback: '360',
    about: 'how often one of the workers looks for sessions to delete and repairs lists',
  }),
  HOLDFAST_CHILD_MEMORY_MB: define({
    schema: count(0, 1_000_000),
    fallback: '4096',
    about: 'a child that uses more than this is started anew between turns; 0 = no limit',
  }),
  HOLDFAST_APPROVALS: define({
    schema: z.enum(['control', 'mcp']),
    fallback: 'control',
    about:
      'how children ask for leave: on their own pipe, or through an MCP server of the worker on loopback',
  }),
  HOLDFAST_POLICY: define({
    schema: absolutePath.optional(),
    about:
      'a JSON file with rules for all sessions: {"allow": […], "deny": […], "ask": […]} (docs/APPROVALS.md)',
  }),
  HOLDFAST_STALL_SECONDS: define({
    schema: z.coerce.number().min(0).max(86_400),
    fallback: '60',
    about: 'after so long without a word of the agent in a turn people are told so; 0 = never',
  }),
  HOLDFAST_DRAIN_SECONDS: define({
    schema: count(0, 3_600),
    fallback: '25',
    about: 'how long a worker that is asked to stop lets running turns go on',
  }),
  HOLDFAST_WORKER_ID: define({
    schema: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and dashes')
      .optional(),
    about: 'name of this worker; stable over restarts (default: host name and a random part)',
  }),
  CLAUDE_PATH: define({
    schema: absolutePath.optional(),
    about: 'path of the claude executable (default: the pinned package of this checkout)',
  }),
} satisfies Record<string, Variable>;

export type VariableName = keyof typeof variables;

/** Names the product itself owns: anything else under this prefix is a mistake and refuses to start. */
export const VARIABLE_PREFIX = 'HOLDFAST_';
