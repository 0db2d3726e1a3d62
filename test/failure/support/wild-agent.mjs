#!/usr/bin/env node
// An agent that speaks the CLI's pipe and does what the real one can't be made to do. What it does with a prompt is told
// by the prompt's first word; it keeps a transcript as the CLI does, so that delivery can be looked up.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

const args = process.argv.slice(2);
const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
const sessionId = option('--session-id') ?? option('--resume');
const transcripts = join(process.env.CLAUDE_CONFIG_DIR, 'projects', 'cwd');
mkdirSync(transcripts, { recursive: true });

const write = (value) =>
  process.stdout.write(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`);
const state = (name) => write({ type: 'system', subtype: 'session_state_changed', state: name });
const init = () => write({ type: 'system', subtype: 'init', session_id: sessionId });
const ack = (uuid) => write({ type: 'user', isReplay: true, uuid, message: { content: 'seen' } });
const said = (text, id = `m${Math.random()}`) =>
  write({ type: 'assistant', uuid: `u-${id}`, message: { id, content: [{ type: 'text', text }] } });
const result = (fields = {}) =>
  write({
    type: 'result',
    subtype: 'success',
    is_error: false,
    stop_reason: 'end_turn',
    total_cost_usd: 0,
    ...fields,
  });
const answer = (uuid, text) => {
  ack(uuid);
  said(text);
  finish();
};
const delta = (text) =>
  `${JSON.stringify({
    type: 'stream_event',
    event: { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
  })}\n`;

/** How it takes an interrupt: `stops` its turn, only `agrees`, or `ignores` even the request. */
let manner = 'stops';
/** The prompt whose turn is under way, for those who have to know. */
let running = null;
const finish = (fields) => {
  running = null;
  result(fields);
  state('idle');
};

const actions = {
  say: (uuid, words) => answer(uuid, words.join(' ')),
  // Neither an interrupt nor a polite signal ends it.
  deaf: (uuid) => {
    manner = 'ignores';
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
    setInterval(() => {}, 1_000);
    ack(uuid);
  },
  // Says yes to an interrupt and goes on.
  'yes-man': (uuid) => {
    manner = 'agrees';
    ack(uuid);
  },
  // Text without end, as fast as it is read.
  flood: async (uuid, [megabytes]) => {
    ack(uuid);
    write({ type: 'stream_event', event: { type: 'message_start', message: { id: 'flood' } } });
    write({
      type: 'stream_event',
      event: { type: 'content_block_start', index: 0, content_block: { type: 'text' } },
    });
    for (let kilobytes = 0; kilobytes < Number(megabytes) * 1_000; kilobytes += 10) {
      if (!process.stdout.write(delta('x'.repeat(10_000)))) await once(process.stdout, 'drain');
    }
    await new Promise((resolve) => process.stdout.write('', resolve));
    said('that was all', 'flood');
    result();
    state('idle');
  },
  'long-line': (uuid) => {
    ack(uuid);
    for (let megabytes = 0; megabytes <= 16; megabytes += 1) process.stdout.write('x'.repeat(1024 * 1024));
  },
  'die-mid-line': () => {
    writeSync(1, '{"type":"assistant","message":{"id":"m1","content":[{"type":"te');
    process.exit(7);
  },
  // Everything that slips away from its parent: a session of its own, no marker, a double fork.
  daemons: async (uuid, [seconds, then]) => {
    ack(uuid);
    const sleep = `exec sleep ${seconds}`;
    const ways = [
      `setsid ${sleep} &`,
      `(setsid sh -c '(${sleep}) &' &)`,
      `env -i setsid ${sleep} &`,
      `nohup ${sleep} &`,
    ];
    for (const way of ways)
      spawn('sh', ['-c', way.replaceAll('exec ', '')], { stdio: 'ignore', detached: true }).unref();
    await pause(then === 'die' ? 2_000 : 500);
    if (then === 'die') process.exit(9);
    said('they run');
    result();
    state('idle');
  },
  garbage: (uuid) => {
    writeSync(1, Buffer.from([0xff, 0xfe, 0x00, 0x0a]));
    for (const line of [
      'not JSON',
      '',
      '   ',
      'null',
      '42',
      '"text"',
      '[1,2]',
      '{}',
      '{"type":7}',
      '{"type":"result"',
    ])
      write(line);
    for (const type of [
      'assistant',
      'user',
      'stream_event',
      'system',
      'control_request',
      'control_response',
      'brand_new',
    ])
      write({ type });
    write({ type: 'assistant', message: null });
    write({ type: 'stream_event', event: { type: 'content_block_delta', index: 'x', delta: null } });
    answer(uuid, 'after all that');
  },
  // The same end again at once, and once more when the next turn may be running.
  repeat: (uuid) => {
    answer(uuid, 'once');
    result();
    setTimeout(result, 150);
  },
  // A turn that comes to its end by itself after so many ms, unless it is stopped before.
  soon: async (uuid, [ms]) => {
    ack(uuid);
    said('begun');
    await pause(Number(ms));
    if (uuid !== running) return;
    said('in time');
    finish();
  },
  // Never tells that it is idle, and is slow to come back.
  restless: (uuid) => {
    ack(uuid);
    said('done');
    result();
  },
  // A turn of its own, begun by nobody, while the next prompt waits.
  'on-its-own': (uuid) => {
    ack(uuid);
    said('yours');
    result();
    init();
    said('mine');
    result({ origin: { kind: 'task-notification' } });
    state('idle');
  },
  // The same message under the same ids again, and an acknowledgement of a prompt that was answered before.
  echo: (uuid, [earlier = '']) => {
    ack(uuid);
    ack(uuid);
    said('twice told', 'same');
    said('twice told', 'same');
    if (earlier !== '') ack(earlier);
    result();
    state('idle');
  },
};

function prompt(message) {
  const [word, ...words] = message.message.content[0].text.split(' ');
  appendFileSync(
    join(transcripts, `${sessionId}.jsonl`),
    `${JSON.stringify({ type: 'user', uuid: message.uuid })}\n`,
  );
  manner = 'stops';
  running = message.uuid;
  state('running');
  init();
  void (actions[word] ?? actions.say)(message.uuid, words);
}

function control({ request_id: requestId, request }) {
  if (request.subtype === 'interrupt' && manner === 'ignores') return;
  const response = request.subtype === 'get_binary_version' ? { version: '2.1.197' } : {};
  write({ type: 'control_response', response: { subtype: 'success', request_id: requestId, response } });
  if (request.subtype === 'end_session' && manner !== 'ignores') process.exit(0);
  if (request.subtype !== 'interrupt' || manner === 'agrees') return;
  if (running === null) return;
  finish({ subtype: 'error_during_execution', is_error: true, terminal_reason: 'aborted_streaming' });
}

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.type === 'user') prompt(message);
  if (message.type === 'control_request') control(message);
}
