// What all children of a worker have in common, for tests that run children in their own process.
import type { SessionSettings } from '@holdfast/shared/protocol';
import type { ContainmentPlan } from '../../src/process/containment.ts';
import type { ChildEnvironment } from '../../src/session/child-host.ts';
import { createColdStarts } from '../../src/session/cold-starts.ts';
import { AGENT } from './agent.ts';

export const SWEEP: ContainmentPlan = { kind: 'sweep', prefix: [], refusal: 'not wanted here' };

/** Children are scripted agents, swept up, with no guardian. */
export function testEnvironment(changes: Partial<ChildEnvironment> = {}): ChildEnvironment {
  return {
    claudePath: AGENT,
    findCliProblem: () => null,
    containment: SWEEP,
    modelSource: 'demo',
    demoModelUrl: 'http://127.0.0.1:9',
    workerEnv: { PATH: process.env['PATH'] },
    isRoot: false,
    coldStarts: createColdStarts(2),
    guardian: { childStarted: () => {}, childGone: () => {} },
    ...changes,
  };
}

/** Settings whose model is the manner of the scripted agent. */
export function mannered(manner = 'plain'): SessionSettings {
  return { model: manner, permissionMode: 'default', allowedTools: [], disallowedTools: [] };
}
