#!/usr/bin/env node
// Stands in for the CLI where only its pipes matter: it notes when each line of its input reached it (ms of
// CLOCK_MONOTONIC) and says so in its answer.
import { writeSync } from 'node:fs';

const args = process.argv.slice(2);
const sessionId = args[1 + Math.max(args.indexOf('--session-id'), args.indexOf('--resume'))];
const write = (...values) => writeSync(1, values.map((value) => `${JSON.stringify(value)}\n`).join(''));
const say = (text) => ({
  type: 'assistant',
  message: { id: `msg-${Math.random()}`, content: [{ type: 'text', text }] },
});
const result = (fields) => ({
  ...{ type: 'result', subtype: 'success', is_error: false, stop_reason: 'end_turn', total_cost_usd: 0 },
  ...fields,
});
const idle = { type: 'system', subtype: 'session_state_changed', state: 'idle' };

function prompt({ uuid, message }, readAt) {
  const init = { type: 'system', subtype: 'init', session_id: sessionId, claude_code_version: '2.1.197' };
  const seen = { type: 'user', isReplay: true, uuid, message: { content: 'seen' } };
  // A prompt that says so is left open, for an abort.
  if (message.content[0].text === 'wait') return write(init, seen, say('waits'));
  write(init, seen, say(`read at ${readAt}`), result({}), idle);
}

function control({ request_id: requestId, request }, readAt) {
  const isVersion = request.subtype === 'get_binary_version';
  const response = isVersion ? { version: '2.1.197' } : {};
  write({ type: 'control_response', response: { subtype: 'success', request_id: requestId, response } });
  if (request.subtype !== 'interrupt') return;
  const aborted = { subtype: 'error_during_execution', is_error: true, terminal_reason: 'aborted_streaming' };
  write(say(`read at ${readAt}`), result(aborted), idle);
}

let rest = '';
process.stdin.setEncoding('utf8').on('data', (text) => {
  const readAt = Number(process.hrtime.bigint()) / 1e6;
  const lines = (rest + text).split('\n');
  rest = lines.pop();
  for (const line of lines) {
    const message = JSON.parse(line);
    if (message.type === 'user') prompt(message, readAt);
    if (message.type === 'control_request') control(message, readAt);
  }
});
