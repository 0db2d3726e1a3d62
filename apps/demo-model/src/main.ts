// The demo model as a process of its own.
import { runMain } from '@holdfast/shared/runtime';
import { buildDemoModel } from './app.ts';

await runMain(
  { part: 'demo-model', variables: ['HOLDFAST_DEMO_MODEL_HOST', 'HOLDFAST_DEMO_MODEL_PORT'] },
  async ({ config, logger, shutdown }) => {
    const app = buildDemoModel({ logger: logger.child({}, { level: 'warn' }) });
    shutdown.add({ name: 'demo model', limitMs: 2000, stop: () => app.close() });
    await app.listen({ host: config.HOLDFAST_DEMO_MODEL_HOST, port: config.HOLDFAST_DEMO_MODEL_PORT });
    const address = app.server.address();
    const port =
      typeof address === 'object' && address !== null ? address.port : config.HOLDFAST_DEMO_MODEL_PORT;
    logger.info({ host: config.HOLDFAST_DEMO_MODEL_HOST, port }, 'the demo model is ready');
    return { port };
  },
);
