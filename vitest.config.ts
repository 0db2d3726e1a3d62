import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const node = {
  environment: 'node' as const,
  testTimeout: 20_000,
  hookTimeout: 60_000,
  setupFiles: ['./test/support/coverage.ts', './test/requirements/count-assertions.ts'],
};

export default defineConfig({
  test: {
    // Most tests wait for processes most of the time.
    maxWorkers: Math.max(4, availableParallelism()),
    coverage: {
      include: [
        'packages/shared/src/store/**/*.ts',
        'apps/worker/src/{agent,claim,guardian,process,session}/**/*.ts',
        'apps/gateway/src/**/*.ts',
      ],
      // The servers run as processes of their own; what they run counts too.
      autoAttachSubprocess: true,
      reporter: ['json'],
      reportOnFailure: true,
    },
    projects: [
      {
        test: {
          ...node,
          name: 'unit',
          include: [
            '{packages,apps}/*/test/**/*.test.ts',
            'test/{pins,requirements,code-coverage,bench}/**/*.test.ts',
          ],
        },
      },
      {
        test: {
          ...node,
          name: 'store',
          include: ['test/{store,checker,support}/**/*.test.ts'],
        },
      },
      {
        test: {
          ...node,
          name: 'system',
          include: ['test/{conformance,e2e,failure,chaos}/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...node,
          name: 'setup',
          include: ['test/setup/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          ...node,
          // `npm run test:cli`: facts about the real CLI, for judging a version of it. Not part of `npm test`.
          name: 'cli',
          include: ['test/cli/**/*.test.ts'],
          testTimeout: 90_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...node,
          name: 'slow',
          include: ['test/slow/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...node,
          // `npm run test:browser`: the page in the machine's Chromium. Part of the slow tier.
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
