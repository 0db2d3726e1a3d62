#!/usr/bin/env node
// Speaks the CLI's dialect on its pipes and misbehaves on demand. How it starts is told by --model, what it does with
// a prompt by the prompt's first word. It writes a transcript like the CLI, so that delivery can be looked up.
import { appendFileSync, existsSync, mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const args = process.argv.slice(2);
const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
const manner = option('--model') ?? 'plain';
let sessionId = option('--session-id') ?? option('--resume');
const transcripts = join(process.env.CLAUDE_CONFIG_DIR, 'projects', 'cwd');

const write = (value) => writeSync(1, `${typeof value === 'string' ? value : JSON.stringify(value)}\n`);
const state = (name) => write({ type: 'system', subtype: 'session_state_changed', state: name });
const init = () =>
  write({ type: 'system', subtype: 'init', session_id: sessionId, claude_code_version: '2.1.197' });
const ack = (uuid) => write({ type: 'user', isReplay: true, uuid, message: { content: 'seen' } });
const assistant = (text, id = `msg-${Math.random()}`) => ({
  type: 'assistant',
  message: { id, content: [{ type: 'text', text }] },
});
const stream = (event) => write({ type: 'stream_event', event });
const result = (fields = {}) =>
  write({
    type: 'result',
    subtype: 'success',
    is_error: false,
    stop_reason: 'end_turn',
    total_cost_usd: 0,
    ...fields,
  });
const respond = (requestId, response = {}, subtype = 'success') =>
  write({ type: 'control_response', response: { subtype, request_id: requestId, response, error: 'no' } });
const remember = (uuid) => {
  mkdirSync(transcripts, { recursive: true });
  appendFileSync(join(transcripts, `${sessionId}.jsonl`), `${JSON.stringify({ type: 'user', uuid })}\n`);
};
// Not by a signal: the first process of a PID namespace can not kill itself.
const die = () => process.exit(9);
/** True the first time it is asked in this working directory. */
const isFirst = (name) => {
  if (existsSync(name)) return false;
  writeFileSync(name, '');
  return true;
};

let waiting = null;
const answer = (uuid, text) => {
  ack(uuid);
  write(assistant(text));
  result();
  state('idle');
};

const actions = {
  say: (uuid, words) => answer(uuid, words.join(' ')),
  whoami: (uuid) => answer(uuid, JSON.stringify({ args, cwd: process.cwd() })),
  // The last line of its life has no newline.
  'die-mid-line': () => {
    writeSync(2, 'it hurts');
    writeSync(1, JSON.stringify(assistant('last words')));
    die();
  },
  'die-mid-stream': () => {
    stream({ type: 'message_start', message: { id: 'm1' } });
    stream({ type: 'content_block_start', index: 0, content_block: { type: 'text' } });
    stream({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'half a' } });
    die();
  },
  hang: () => {
    stream({ type: 'message_start', message: { id: 'm1' } });
    waiting = () => {
      result({ subtype: 'error_during_execution', is_error: true, terminal_reason: 'aborted_streaming' });
      state('idle');
    };
  },
  // A turn that takes in what is put into it: see `steered`.
  work: (uuid) => {
    ack(uuid);
    waiting = () => {
      result({ subtype: 'error_during_execution', is_error: true, terminal_reason: 'aborted_tools' });
      state('idle');
    };
  },
  // A turn that comes to its end by itself, after a while.
  slow: (uuid, [ms]) => setTimeout(() => answer(uuid, 'in time'), Number(ms)),
  deaf: () => stream({ type: 'message_start', message: { id: 'm1' } }),
  'long-line': () => {
    const chunk = 'x'.repeat(1024 * 1024);
    for (let megabytes = 0; megabytes <= 16; megabytes += 1) writeSync(1, chunk);
    write('');
  },
  // What a version of tomorrow may say.
  tomorrow: (uuid) => {
    write({ type: 'hologram', uuid: 'h1' });
    write({ type: 'system', subtype: 'weather', sky: 'clear' });
    write({ type: 'assistant', message: { id: 'm1', content: [{ type: 'smell', of: 'coffee' }] } });
    answer(uuid, 'after it');
  },
  'bad-line': (uuid) => {
    write('this is not JSON');
    answer(uuid, 'after the bad line');
  },
  ask: (uuid, [tool = 'Bash']) => {
    write({
      type: 'control_request',
      request_id: 'q1',
      request: { subtype: 'can_use_tool', tool_name: tool, input: {} },
    });
    waiting = (response) => answer(uuid, `told: ${JSON.stringify(response)}`);
  },
  elicit: (uuid) => {
    write({ type: 'control_request', request_id: 'q2', request: { subtype: 'elicitation' } });
    waiting = (response) => answer(uuid, `told: ${JSON.stringify(response)}`);
  },
  flood: (uuid, [count]) => {
    stream({ type: 'message_start', message: { id: 'm1' } });
    stream({ type: 'content_block_start', index: 0, content_block: { type: 'text' } });
    const text = 'x'.repeat(1_000);
    for (let n = 0; n < Number(count); n += 1) {
      stream({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } });
    }
    ack(uuid);
    write(assistant(text.repeat(Number(count)).slice(0, 100), 'm1'));
    result();
    state('idle');
  },
  // Something that goes on behind the turn, until `stop_task`.
  background: (uuid) => {
    write({ type: 'system', subtype: 'task_started', task_id: 'b1', task_type: 'local_bash' });
    answer(uuid, 'it runs');
  },
  // A turn of its own, begun by nobody, right after ours.
  'go-on': (uuid) => {
    answer(uuid, 'ours');
    setTimeout(() => {
      init();
      write(assistant('its own'));
      result({ origin: { kind: 'task-notification' } });
      state('idle');
    }, 50);
  },
  // Background work ends its own turn just when ours was written.
  crossed: (uuid) => {
    write(assistant('of the background'));
    result({ origin: { kind: 'task-notification' } });
    setTimeout(() => answer(uuid, 'ours'), 20);
  },
  // Never says that it is idle again.
  unsettled: (uuid) => {
    ack(uuid);
    write(assistant('done'));
    result();
  },
  clear: (uuid) => {
    sessionId = '99999999-9999-4999-8999-999999999999';
    answer(uuid, '');
  },
  // Refused credentials, and a CLI that ends instead of stopping its turn.
  'refused-dies': () => {
    write({ type: 'system', subtype: 'api_retry', error_status: 401, attempt: 1, retry_delay_ms: 500 });
    waiting = die;
  },
  refused: () => {
    write({ type: 'system', subtype: 'api_retry', error_status: 401, attempt: 1, retry_delay_ms: 500 });
    waiting = () => {
      result({ subtype: 'error_during_execution', is_error: true, terminal_reason: 'aborted_streaming' });
      state('idle');
    };
  },
};

/** A prompt for the running turn: its first word says what becomes of it. */
let held = null;
function steered(message) {
  const [word, ...words] = message.message.content[0].text.split(' ');
  const end = () => {
    waiting = null;
    write(assistant('worked'));
    result();
  };
  if (word === 'die') return die();
  if (word === 'die-reading') {
    remember(message.uuid);
    return die();
  }
  held = message.uuid;
  if (word === 'inject') {
    held = null;
    ack(message.uuid);
    end();
    state('idle');
  }
  if (word === 'own') {
    end();
    held = null;
    remember(message.uuid);
    init();
    answer(message.uuid, words.join(' '));
  }
  // The turn ends without a word about it; `hold` lets the turn go on.
  if (word === 'miss') {
    end();
    state('idle');
  }
}

function prompt(message) {
  if (message.priority === 'next') return steered(message);
  const [word, ...words] = message.message.content[0].text.split(' ');
  // Lost before anything of it was kept: it provably never arrived.
  if (word === 'lose' || (word === 'lose-once' && isFirst('.lost'))) process.exit(1);
  remember(message.uuid);
  state('running');
  if (word === 'clear') sessionId = '99999999-9999-4999-8999-999999999999';
  init();
  (actions[word] ?? actions.say)(message.uuid, word === 'lose-once' ? ['found', 'again'] : words);
}

function control({ request_id: requestId, request }) {
  if (request.subtype === 'initialize' && manner === 'silent') return;
  if (request.subtype === 'initialize' && manner === 'refuses') respond(requestId, {}, 'error');
  else if (request.subtype === 'get_binary_version' && manner === 'old')
    respond(requestId, { version: '1.0.0' });
  else if (request.subtype === 'cancel_async_message') {
    respond(requestId, { cancelled: held === request.message_uuid });
    held = null;
  } else if (request.subtype === 'get_binary_version') respond(requestId, { version: '2.1.197' });
  else respond(requestId);
  if (request.subtype === 'stop_task') {
    write({
      type: 'system',
      subtype: 'task_notification',
      task_id: request.task_id,
      status: 'stopped',
    });
  }
  if (request.subtype === 'interrupt') settle({});
}

function settle(response) {
  const next = waiting;
  waiting = null;
  next?.(response);
}

if (manner === 'dies') {
  writeSync(2, 'no way\n');
  process.exit(3);
}
if (manner === 'stubborn') for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.type === 'user') prompt(message);
  if (message.type === 'control_request') control(message);
  if (message.type === 'control_response') settle(message.response.response);
}
if (manner === 'stubborn') setInterval(() => {}, 1_000);
