// Set-up of every test project: notes with each test how many assertions it made.
import { afterEach, expect } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Calls of `expect` in the test and its hooks. */
    assertions?: number;
  }
}

afterEach((context) => {
  const { task } = context;
  const own = context.expect.getState().assertionCalls;
  const shared = expect.getState();
  // Tests that run side by side share the global `expect`; its count then belongs to one of them only.
  const isOfThisTest = shared.currentTestName === task.fullTestName;
  task.meta.assertions = own + (isOfThisTest ? shared.assertionCalls : 0);
});
