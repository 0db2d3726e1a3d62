// POST /v1/messages and count_tokens: reads the call, chooses the answer, plays it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readSituation, type Situation } from './conversation.ts';
import { newRequestId, sendApiError } from './errors.ts';
import { createFaultCounters } from './faults.ts';
import { playStream, playWhole, type Play } from './play.ts';
import type { RecentRequests } from './recent-requests.ts';
import { MessagesRequest } from './request.ts';
import { chooseAnswer, type Answer, type Step } from './script.ts';
import { streamActions } from './stream.ts';
import { estimateTokens, estimateUsage, type Usage } from './usage.ts';

export interface MessagesRouteOptions {
  readonly recent: RecentRequests;
  /** Ends every open answer. */
  readonly closing: AbortSignal;
}

export function addMessagesRoutes(app: FastifyInstance, options: MessagesRouteOptions): void {
  const faults = createFaultCounters();

  const readCall = (request: FastifyRequest): { body: MessagesRequest; situation: Situation } => {
    const body = MessagesRequest.parse(request.body);
    const situation = readSituation(body.messages);
    options.recent.add({
      path: request.url,
      promptText: situation.prompt,
      model: body.model,
      stream: body.stream,
      toolNames: body.tools.map(({ name }) => name),
    });
    return { body, situation };
  };

  app.post('/v1/messages', async (request, reply) => {
    const { body, situation } = readCall(request);
    const answer = chooseAnswer(situation);
    const place = `${conversationOf(request)}|${situation.ordinal}|${situation.prompt}`;
    const faultHappens: Play['faultHappens'] = ({ id, times }) => faults.happens(`${place}|${id}`, times);
    const signal = AbortSignal.any([options.closing, closeSignal(reply)]);
    try {
      const rest = await playLead(answer.steps, { reply, faultHappens, signal });
      if (rest === undefined) return reply;
      const play: Play = {
        steps: rest,
        stopReason: answer.stopReason,
        model: body.model,
        messageId: `msg_demo_${crypto.randomUUID().replaceAll('-', '')}`,
        usage: usageOf(request, body, answer),
        faultHappens,
      };
      return await (body.stream ? sendStream(reply, play, signal) : sendWhole(reply, play, signal));
    } catch (error) {
      if (!signal.aborted) throw error;
      reply.hijack();
      reply.raw.destroy();
      return reply;
    }
  });

  app.post('/v1/messages/count_tokens', (request, reply) => {
    readCall(request);
    return reply.send({ input_tokens: estimateTokens(bodyChars(request)) });
  });
}

/** Plays the pauses and HTTP errors before the content. Resolves to the other steps, or undefined if an error was sent. */
async function playLead(
  steps: readonly Step[],
  context: { reply: FastifyReply; faultHappens: Play['faultHappens']; signal: AbortSignal },
): Promise<readonly Step[] | undefined> {
  for (const [index, step] of steps.entries()) {
    if (step.kind === 'pause') await sleep(step.ms, undefined, { signal: context.signal });
    else if (step.kind !== 'http_error') return steps.slice(index);
    else if (context.faultHappens(step)) {
      await sendApiError(context.reply, step.status, step.message);
      return undefined;
    }
  }
  return [];
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

function closeSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}

/** The CLI names its session in a header; other callers share one name. */
function conversationOf(request: FastifyRequest): string {
  return String(request.headers['x-claude-code-session-id'] ?? '');
}

const bodyChars = (request: FastifyRequest): number => Number(request.headers['content-length'] ?? 0);

function usageOf(request: FastifyRequest, body: MessagesRequest, answer: Answer): Usage {
  const newest = body.messages.at(-1);
  const isFirstCall = !body.messages.some(({ role }) => role === 'assistant');
  const newChars = JSON.stringify(newest?.content ?? '').length;
  return estimateUsage({ bodyChars: bodyChars(request), newChars, isFirstCall }, answer.usage);
}
