// POST /v1/messages and count_tokens: reads the call, chooses the answer, plays it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readSituation, type Situation } from './conversation.ts';
import { newRequestId, sendApiError } from './errors.ts';
import { createFaultCounters, type FaultCounters } from './faults.ts';
import { playStream, playWhole, type Play, type AnswerFaults } from './play.ts';
import type { RecentRequests } from './recent-requests.ts';
import { MessagesRequest } from './request.ts';
import { chooseAnswer, type Step } from './script.ts';
import { streamActions } from './stream.ts';
import { estimateInputTokens, estimateUsage } from './usage.ts';

export function addMessagesRoutes(app: FastifyInstance, recent: RecentRequests): void {
  const counters = createFaultCounters();

  app.post('/v1/messages', async (request, reply) => {
    const call = readCall(request, recent);
    // The client leaving and the server closing both close the response; either ends the answer.
    const controller = new AbortController();
    reply.raw.once('close', () => controller.abort());
    if (reply.raw.destroyed) controller.abort(); // gone while its body was being read
    try {
      return await answerCall(call, { reply, counters, signal: controller.signal });
    } catch (error) {
      if (!controller.signal.aborted) throw error;
      reply.hijack();
      reply.raw.destroy();
      return reply;
    }
  });

  app.post('/v1/messages/count_tokens', (request, reply) => {
    const { body, bodyChars } = readCall(request, recent);
    return reply.send({ input_tokens: estimateInputTokens(body.messages, bodyChars) });
  });
}

interface Call {
  readonly body: MessagesRequest;
  readonly bodyChars: number;
  readonly situation: Situation;
  /** The CLI names its session in a header; all other callers share one name. */
  readonly conversation: string;
}

function readCall(request: FastifyRequest, recent: RecentRequests): Call {
  const body = MessagesRequest.parse(request.body);
  const situation = readSituation(body.messages);
  recent.add({
    path: request.url,
    promptText: situation.prompt,
    model: body.model,
    stream: body.stream,
    toolNames: body.tools.map(({ name }) => name),
  });
  const { 'content-length': length, 'x-claude-code-session-id': session } = request.headers;
  return { body, situation, bodyChars: Number(length ?? 0), conversation: String(session ?? '') };
}

async function answerCall(
  { body, bodyChars, situation, conversation }: Call,
  context: { readonly reply: FastifyReply; readonly counters: FaultCounters; readonly signal: AbortSignal },
): Promise<FastifyReply> {
  const { reply, counters, signal } = context;
  const answer = chooseAnswer(situation);
  const key = (id: string): string => `${conversation}|${situation.prompt}|${id}`;
  const faults: AnswerFaults = {
    happens: ({ id, times }) => counters.happens(key(id), times),
    forget: () => {
      for (const step of answer.steps) if ('id' in step) counters.forget(key(step.id));
    },
  };
  const lead = await playLead(answer.steps, faults, signal);
  if ('error' in lead) return sendApiError(reply, lead.error.status, lead.error.message);
  const play: Play = {
    steps: lead.rest,
    stopReason: answer.stopReason,
    model: body.model,
    messageId: `msg_demo_${crypto.randomUUID().replaceAll('-', '')}`,
    usage: estimateUsage(body.messages, { bodyChars, override: answer.usage }),
    faults,
  };
  return body.stream ? sendStream(reply, play, signal) : sendWhole(reply, play, signal);
}

/** Plays what comes before the content, which delays the first byte. Gives the other steps, or the HTTP error to send. */
async function playLead(
  steps: readonly Step[],
  faults: AnswerFaults,
  signal: AbortSignal,
): Promise<{ rest: readonly Step[] } | { error: Extract<Step, { kind: 'http_error' }> }> {
  for (const [index, step] of steps.entries()) {
    if (step.kind === 'pause') await sleep(step.ms, undefined, { signal });
    else if (step.kind !== 'http_error') return { rest: steps.slice(index) };
    else if (faults.happens(step)) return { error: step };
  }
  return { rest: [] };
}

async function sendStream(reply: FastifyReply, play: Play, signal: AbortSignal): Promise<FastifyReply> {
  reply.hijack();
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    'request-id': newRequestId(),
  });
  await streamActions(reply.raw, playStream(play), signal);
  return reply;
}

async function sendWhole(reply: FastifyReply, play: Play, signal: AbortSignal): Promise<FastifyReply> {
  const { message, waitMs } = playWhole(play);
  if (waitMs > 0) await sleep(waitMs, undefined, { signal });
  return reply.header('request-id', newRequestId()).send(message);
}
