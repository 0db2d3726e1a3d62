// Holds docker-compose.yml, .env.example and the Dockerfile against the table of variables and the workspaces.
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig, variables } from '@holdfast/shared/runtime';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const compose = read('docker-compose.yml');
const example = read('.env.example');
const dockerfile = read('Dockerfile');

const table: Readonly<Record<string, { readonly fallback?: string }>> = variables;
const isOurs = (name: string): boolean => Object.hasOwn(variables, name);

/** Variables that have no place in containers. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  CLAUDE_PATH: 'the image has the pinned CLI',
  HOLDFAST_CLAUDE_CONFIG_DIR: 'a folder of the host; mount it in an override file where it is wanted',
  HOLDFAST_JWT_PUBLIC_KEY: 'a file of the host; mount it in an override file where it is wanted',
  HOLDFAST_POLICY: 'a file of the host; mount it in an override file where it is wanted',
  HOLDFAST_TLS_CERT: 'a file of the host; or put TLS in front',
  HOLDFAST_TLS_KEY: 'a file of the host; or put TLS in front',
  HOLDFAST_URL: 'for the terminal client',
  HOLDFAST_WEB_DIR: 'the image has the built page',
  HOLDFAST_WORKER_ID: 'would be the same for all workers of one service',
};

/** Names in `${NAME…}`, and names under `environment:` that have no value of their own. */
const fromOutside = new Set([
  ...[...compose.matchAll(/\$\{([A-Z_]+)/g)].map((match) => match[1] ?? ''),
  ...[...compose.matchAll(/^ +([A-Z][A-Z_]+):$/gm)].map((match) => match[1] ?? ''),
]);
/** Names that containers get, with or without a value in the file. */
const given = new Set([
  ...[...compose.matchAll(/^ +([A-Z][A-Z_]+):/gm)].map((match) => match[1] ?? ''),
  ...[...dockerfile.matchAll(/\b([A-Z_]+)=/g)].map((match) => match[1] ?? ''),
]);
/** `NAME=value` lines of the example, with "#" in front or not. */
const examples = new Map(
  [...example.matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']),
);

describe('the files for containers', () => {
  it('name no variable under our prefix that the product does not know [K-04]', () => {
    const named = [compose, example, dockerfile].flatMap((text) => text.match(/\bHOLDFAST_[A-Z_]+\b/g) ?? []);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !isOurs(name))).toEqual([]);
  });

  it('give every variable of the product to a container, or say why not', () => {
    const names = Object.keys(variables);
    expect(names.filter((name) => !given.has(name) && ELSEWHERE[name] === undefined)).toEqual([]);
    expect(Object.keys(ELSEWHERE).filter((name) => given.has(name) || !isOurs(name))).toEqual([]);
  });

  it('document in .env.example exactly what docker-compose.yml reads', () => {
    expect([...examples.keys()].sort()).toEqual([...fromOutside].sort());
  });

  it('show the defaults of the product, and a required variable as empty', () => {
    const shown = [...examples].filter(([name]) => isOurs(name));
    const empty = shown.filter(([, value]) => value === '').map(([name]) => name);
    const required = empty.filter((name) => example.includes(`\n${name}=\n`));
    expect(required.sort()).toEqual(['HOLDFAST_REDIS_PASSWORD', 'HOLDFAST_TOKEN']);
    for (const name of required) expect(compose).toContain(`\${${name}:?${name} is not set.`);
    const optional = empty.filter((name) => !required.includes(name));
    expect(optional.filter((name) => table[name]?.fallback !== undefined)).toEqual([]);
    const filled = shown.filter(([, value]) => value !== '');
    expect(filled.map(([name, value]) => `${name}=${value}`)).toEqual(
      filled.map(([name]) => `${name}=${table[name]?.fallback}`),
    );
    for (const match of compose.matchAll(/\$\{([A-Z_]+):-([^}]+)\}/g)) {
      expect(examples.get(match[1] ?? '')).toBe(match[2]);
    }
  });

  it('hold values that the product accepts', () => {
    const values = Object.fromEntries([...examples].filter(([, value]) => value !== ''));
    const names = Object.keys(variables).filter((name) => values[name] !== undefined);
    const config = loadConfig(
      Object.fromEntries(names.map((name) => [name, values[name]])),
      names as (keyof typeof variables)[], // keys of the table, filtered
    );
    expect(config).toMatchObject({ HOLDFAST_PORT: 8787, HOLDFAST_MODEL: 'auto' });
  });

  it('install the packages of every workspace into the image', () => {
    const workspaces = globSync('{apps,packages}/*/package.json', { cwd: new URL('../..', import.meta.url) });
    expect(workspaces.length).toBeGreaterThan(4);
    const copied = workspaces.filter((path) =>
      dockerfile.includes(`COPY ${path} ${path.replace('package.json', '')}\n`),
    );
    expect(copied).toEqual(workspaces);
  });
});
