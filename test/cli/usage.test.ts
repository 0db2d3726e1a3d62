// Numbers of a turn, and content beside text. Facts of docs/CLI_FACTS.md §14.
import { crc32, deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Line } from './support/lines.ts';
import { createSandbox, wasSent } from './support/sandbox.ts';

const Numbers = z.looseObject({
  total_cost_usd: z.number(),
  usage: z.looseObject({ input_tokens: z.number(), output_tokens: z.number() }),
  modelUsage: z.record(z.string(), z.looseObject({ outputTokens: z.number(), contextWindow: z.number() })),
});
const numbersOf = (lines: readonly Line[]): z.infer<typeof Numbers> => Numbers.parse(lines.at(-1));

const ANSWER = '[[usage input=1000 output=50 cache_read=0 cache_creation=0]] [[say x]]';

describe('§14 Usage, cost and content', () => {
  test('14.1 usage is of the turn; total_cost_usd and modelUsage add up over the process', async () => {
    await using box = await createSandbox();
    const cli = box.start();
    const first = numbersOf(await cli.turn(ANSWER));
    const second = numbersOf(await cli.turn(ANSWER));
    const turn = { input_tokens: 1000, output_tokens: 50 };
    expect([first.usage, second.usage]).toMatchObject([turn, turn]);
    expect(second.total_cost_usd).toBeCloseTo(2 * first.total_cost_usd, 10);
    const outputs = [first, second].map(({ modelUsage }) => Object.values(modelUsage)[0]?.outputTokens);
    expect(outputs).toEqual([50, 100]);
  });

  test('14.2 after --resume total_cost_usd and modelUsage count from zero', async () => {
    await using box = await createSandbox();
    const cliSessionId = crypto.randomUUID();
    const cli = box.start({ cliSessionId });
    await cli.turn(ANSWER);
    const before = numbersOf(await cli.turn(ANSWER));
    cli.endInput();
    await cli.exit();
    const after = numbersOf(await box.start({ cliSessionId, resume: true }).turn(ANSWER));
    expect(after.total_cost_usd).toBeCloseTo(before.total_cost_usd / 2, 10);
    expect(Object.values(after.modelUsage)[0]?.outputTokens).toBe(50);
  });

  test('14.3 usage of a turn with several calls of the model is their sum', async () => {
    await using box = await createSandbox();
    const cli = box.start({ settings: { allowedTools: ['Bash'] } });
    const answers = '[[usage input=1000 output=50]] [[tool Bash {"command":"echo"}]]';
    const { usage } = numbersOf(await cli.turn(`${answers} [[usage input=1000 output=70]] [[say x]]`));
    expect(usage).toMatchObject({ input_tokens: 2000, output_tokens: 120 });
  });

  test('14.4 modelUsage tells the size of the context window of each model', async () => {
    await using box = await createSandbox();
    const { modelUsage } = numbersOf(
      await box.start({ settings: { model: 'claude-sonnet-4-5' } }).turn(ANSWER),
    );
    const [name, usage] = Object.entries(modelUsage)[0] ?? [];
    expect(name).toMatch(/^claude-sonnet-4-5/u);
    expect(usage?.contextWindow).toBe(200_000);
  });

  test('14.5 an image as base64 reaches the model', async () => {
    await using box = await createSandbox();
    const data = png().toString('base64');
    const lines = await box.start().turn([
      { type: 'text', text: '[[say seen]]' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
    ]);
    expect(lines.at(-1)).toMatchObject({ is_error: false, result: 'seen' });
    expect(wasSent(box.modelCalls.at(-1), `"media_type":"image/png","data":"${data}"`)).toBe(true);
  });

  test('14.6 an image that is none becomes a text; the turn goes on', async () => {
    await using box = await createSandbox();
    const data = Buffer.from('not a picture').toString('base64');
    const lines = await box.start().turn([
      { type: 'text', text: '[[say seen]]' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
    ]);
    expect(lines.at(-1)).toMatchObject({ is_error: false, result: 'seen' });
    expect(wasSent(box.modelCalls.at(-1), data)).toBe(false);
    expect(wasSent(box.modelCalls.at(-1), '[Image')).toBe(true);
  });

  test('14.7 a PDF as a document block reaches the model unchanged', async () => {
    await using box = await createSandbox();
    const data = Buffer.from('%PDF-1.4\n%%EOF\n').toString('base64');
    const lines = await box.start().turn([
      { type: 'text', text: '[[say read]]' },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data } },
    ]);
    expect(lines.at(-1)).toMatchObject({ is_error: false, result: 'read' });
    expect(wasSent(box.modelCalls.at(-1), data)).toBe(true);
  });
});

/** A grey picture of 8 x 8 pixels. */
function png(): Buffer {
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(8, 0x80)]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(8, 0);
  header.writeUInt32BE(8, 4);
  header[8] = 8;
  const data = deflateSync(Buffer.concat(Array<Buffer>(8).fill(row)));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}
