import { defineConfig } from 'vitest/config';

const node = { environment: 'node' as const, testTimeout: 20_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...node,
          name: 'unit',
          include: ['{packages,apps}/*/test/**/*.test.ts', 'test/pins/**/*.test.ts'],
        },
      },
      {
        test: {
          ...node,
          name: 'store',
          include: ['test/store/**/*.test.ts'],
        },
      },
      {
        test: {
          ...node,
          name: 'system',
          include: ['test/{conformance,e2e,failure}/**/*.test.ts'],
          testTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
