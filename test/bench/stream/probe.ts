// Loaded into a gateway before its own code (node --import): tells its memory after a garbage collection, and
// records CPU profiles. The product knows nothing of it.
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { z } from 'zod';

const Message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('bench:memory') }),
  z.object({ type: z.literal('bench:profile') }),
  z.object({ type: z.literal('bench:profiled'), file: z.string() }),
]);

const inspector = new Session();

process.on('message', (message) => {
  const parsed = Message.safeParse(message);
  if (parsed.success) void obey(parsed.data);
});

async function obey(message: z.infer<typeof Message>): Promise<void> {
  switch (message.type) {
    case 'bench:memory': {
      const { rss: uncollectedRss } = process.memoryUsage();
      // The thorough kind: it also gives back pages that V8 would keep for a while.
      globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
      process.send?.({ type: 'bench:memory', uncollectedRss, ...process.memoryUsage() });
      break;
    }
    case 'bench:profile':
      inspector.connect();
      await inspector.post('Profiler.enable');
      await inspector.post('Profiler.start');
      break;
    case 'bench:profiled': {
      const { profile } = await inspector.post('Profiler.stop');
      writeFileSync(message.file, JSON.stringify(profile));
      inspector.disconnect();
      process.send?.({ type: 'bench:profiled' });
      break;
    }
  }
}
