import { describe, expect, it } from 'vitest';
import { applyEvent, EMPTY_VIEW, type EventBody, type SessionView } from '@holdfast/shared/protocol';
import { isTested, TESTED_CLI_VERSIONS } from '@holdfast/shared/runtime';
import type { ChildReady } from '../../src/session/child-host.ts';
import { openingNotices } from '../../src/session/opening-notices.ts';

const ready = (cliVersion: string | null): ChildReady => ({
  pid: 1,
  cliVersion,
  cliSessionId: 'c',
  resumed: false,
  ignored: [],
});
type Environment = Parameters<typeof openingNotices>[0]['environment'];
// Only these fields are read.
const environment = (fields: Partial<Environment>): Environment =>
  ({
    modelSource: 'demo',
    containment: { kind: 'namespace', prefix: [], refusal: null },
    ...fields,
  }) as Environment;

const open = (view: SessionView, version: string | null, fields: Partial<Environment> = {}): EventBody[] =>
  openingNotices({ view, ready: ready(version), environment: environment(fields) });

const kinds = (events: readonly EventBody[]): unknown[] => events.map((event) => Reflect.get(event, 'kind'));

describe('what a session says when a child has started', () => {
  it('says which model answers and how to change it', () => {
    const [demo] = open(EMPTY_VIEW, TESTED_CLI_VERSIONS.to);
    expect(demo).toMatchObject({ kind: 'model_source', data: { source: 'demo' } });
    expect(Reflect.get(Object(demo), 'text')).toMatch(/ANTHROPIC_API_KEY/);
    const [real] = open(EMPTY_VIEW, TESTED_CLI_VERSIONS.to, { modelSource: 'real' });
    expect(Reflect.get(Object(real), 'text')).toMatch(/HOLDFAST_MODEL=demo/);
  });

  it('warns of a CLI version outside the tested range, and of one that does not tell', () => {
    expect(kinds(open(EMPTY_VIEW, TESTED_CLI_VERSIONS.to))).toEqual(['model_source']);
    expect(open(EMPTY_VIEW, '99.0.0')[1]).toMatchObject({ kind: 'cli_version', data: { version: '99.0.0' } });
    expect(Reflect.get(Object(open(EMPTY_VIEW, null)[1]), 'text')).toMatch(/of an unknown version/);
  });

  it('says when processes are only swept up, and why [A-16]', () => {
    const containment = { kind: 'sweep' as const, prefix: [], refusal: 'Operation not permitted' };
    expect(open(EMPTY_VIEW, TESTED_CLI_VERSIONS.to, { containment })[1]).toMatchObject({
      kind: 'containment',
      data: { refusal: 'Operation not permitted' },
    });
  });

  it('does not repeat what the session shows already', () => {
    const events = open(EMPTY_VIEW, '99.0.0');
    let view = EMPTY_VIEW;
    for (const event of events) view = applyEvent(view, { offset: view.offset + 1, at: 1, ...event });
    expect(open(view, '99.0.0')).toEqual([]);
    expect(kinds(open(view, '99.0.1'))).toEqual(['cli_version']);
  });
});

describe('the tested range of versions', () => {
  it.each([
    [TESTED_CLI_VERSIONS.from, true],
    [TESTED_CLI_VERSIONS.to, true],
    ['0.9.999', false],
    ['2.1.99', false],
    ['10.0.0', false],
    ['garbage', false],
  ])('%s: %s', (version, expected) => expect(isTested(version)).toBe(expected));
});
