// Sessions as a person would have them, written as their owner would: for pictures, and for looking at every kind of
// row with axe.
import {
  applyEvent,
  CreateId,
  EMPTY_VIEW,
  mintTurnId,
  SessionSettings,
  statusOf,
  UserId,
  type EventBody,
  type SessionEvent,
  type SessionId,
} from '@holdfast/shared/protocol';
import { createSessionStore, type Redis } from '@holdfast/shared/store';
import { ownSession } from '../../support/fake-owner.ts';

const USAGE = {
  inputTokens: 4_210,
  outputTokens: 1_830,
  cacheReadTokens: 182_000,
  cacheCreationTokens: 21_400,
};
const TURN = mintTurnId();
const block = (
  messageId: string,
  index: number,
): { turnId: typeof TURN; messageId: string; block: number } => ({
  turnId: TURN,
  messageId,
  block: index,
});

const QUESTION = 'Why is the basket empty after login? Please fix it and add a test.';

const ANSWER = `The basket is keyed by the **anonymous** session id, and login replaces that id. The items are still there, under the old key:

\`\`\`ts
export async function onLogin(request: Request, user: User) {
  const before = request.session.id;
  await request.session.regenerate(); // a new id: the basket is left behind
  request.session.userId = user.id;
}
\`\`\`

I will move the basket along, and merge it with what the user had before.`;

const PAST: EventBody[] = [
  {
    type: 'turn_started',
    turnId: TURN,
    promptId: null,
    content: [{ type: 'text', text: QUESTION }],
    attempt: 1,
  },
  {
    type: 'message_completed',
    ...block('m1', 0),
    kind: 'thinking',
    text: 'Login regenerates the session id. Where is the basket stored?',
  },
  {
    type: 'tool_call_started',
    ...block('m1', 1),
    toolCallId: 't1',
    name: 'Grep',
    input: { pattern: 'session\\.id', path: 'src' },
  },
  {
    type: 'tool_call_completed',
    turnId: TURN,
    toolCallId: 't1',
    isError: false,
    output: 'src/basket.ts:14\nsrc/login.ts:31',
    truncated: false,
  },
  {
    type: 'tool_call_started',
    ...block('m1', 2),
    toolCallId: 't2',
    name: 'Read',
    input: { file_path: 'src/login.ts' },
  },
  {
    type: 'tool_call_completed',
    turnId: TURN,
    toolCallId: 't2',
    isError: false,
    output: '…',
    truncated: false,
  },
  { type: 'message_completed', ...block('m2', 0), kind: 'text', text: ANSWER },
  {
    ...{ type: 'tool_call_started', ...block('m2', 1), toolCallId: 't3', name: 'Edit' },
    input: {
      file_path: 'src/login.ts',
      old_string: '  await request.session.regenerate();\n  request.session.userId = user.id;',
      new_string:
        '  await request.session.regenerate();\n  await moveBasket({ from: before, to: request.session.id });\n  request.session.userId = user.id;',
    },
  },
  {
    type: 'tool_call_completed',
    turnId: TURN,
    toolCallId: 't3',
    isError: false,
    output: 'The file was updated.',
    truncated: false,
  },
  {
    type: 'tool_call_started',
    ...block('m3', 0),
    toolCallId: 't4',
    name: 'Bash',
    input: { command: 'npm test -- basket' },
  },
  {
    ...{ type: 'tool_call_completed', turnId: TURN, toolCallId: 't4', isError: true, truncated: false },
    output: 'FAIL test/basket.test.ts\n  login keeps the basket\n    expected 2 items, found 0',
  },
  { type: 'usage_updated', context: { tokens: 61_300, windowTokens: 200_000 }, totals: USAGE, costUsd: 0.42 },
] as EventBody[]; // literals of the protocol's own events, checked again when they are read

const ASKS: EventBody[] = [
  {
    type: 'tool_call_started',
    ...block('m4', 0),
    toolCallId: 't5',
    name: 'Bash',
    input: { command: 'npm install --save-dev supertest' },
  },
  {
    ...{
      type: 'approval_requested',
      approvalId: 'a1',
      turnId: TURN,
      toolCallId: 't5',
      tool: 'Bash',
      kind: 'tool',
    },
    ...{ input: { command: 'npm install --save-dev supertest' }, rules: ['Bash(npm install *)'] },
  },
] as EventBody[]; // see PAST

const STREAMS: EventBody[] = [
  {
    ...{ type: 'tool_call_started', ...block('m4', 0), toolCallId: 't6', name: 'TodoWrite' },
    input: {
      todos: [
        { content: 'Move the basket at login', status: 'completed' },
        { content: 'Merge it with the old one', status: 'in_progress' },
        { content: 'Add a test', status: 'pending' },
      ],
    },
  },
  {
    type: 'tool_call_completed',
    turnId: TURN,
    toolCallId: 't6',
    isError: false,
    output: 'ok',
    truncated: false,
  },
  {
    type: 'tool_call_started',
    ...block('m4', 1),
    toolCallId: 't7',
    name: 'Task',
    input: { description: 'Find other users of the basket key', prompt: 'Look for reads of basket:*' },
  },
  {
    type: 'tool_call_started',
    ...block('s1', 0),
    toolCallId: 't8',
    name: 'Grep',
    input: { pattern: 'basket:' },
    parentToolCallId: 't7',
  },
  {
    type: 'tool_call_completed',
    turnId: TURN,
    toolCallId: 't8',
    isError: false,
    output: 'src/basket.ts',
    truncated: false,
    parentToolCallId: 't7',
  },
  {
    type: 'tool_call_completed',
    turnId: TURN,
    toolCallId: 't7',
    isError: false,
    output: 'Only src/basket.ts reads it.',
    truncated: false,
  },
  {
    type: 'message_delta',
    ...block('m5', 0),
    kind: 'text',
    text: 'The test fails because the merge runs **before** the move. I change the order:\n\n1. move the basket\n2. merge it with',
  },
  {
    type: 'prompt_queued',
    promptId: 'p-next',
    content: [{ type: 'text', text: 'Then write a line for the changelog.' }],
    by: 'local',
  },
] as EventBody[]; // see PAST

const OTHERS = [
  ['Speed up the search index', 'running'],
  ['Upgrade to the new payment API', 'idle'],
  ['Flaky checkout test', 'idle'],
] as const;

export interface Showcase {
  /** A turn that waits for leave to run a command. */
  readonly asking: SessionId;
  /** A turn that streams, with a prompt that waits behind it. */
  readonly streaming: SessionId;
}

export async function writeShowcase(redis: Redis): Promise<Showcase> {
  for (const [title, status] of OTHERS.toReversed()) await write(redis, { title, bodies: [], status });
  const streaming = await write(redis, { title: 'Merge baskets at login', bodies: [...PAST, ...STREAMS] });
  const asking = await write(redis, { title: 'Why is the basket empty?', bodies: [...PAST, ...ASKS] });
  return { asking, streaming };
}

interface Wanted {
  readonly title: string;
  readonly bodies: readonly EventBody[];
  readonly status?: string;
}

async function write(redis: Redis, { title, bodies, status }: Wanted): Promise<SessionId> {
  const sessionId = await create(redis);
  const owner = await ownSession(redis, sessionId);
  const settings = { permissionMode: 'default', allowedTools: [], disallowedTools: [] } as const;
  const named = { type: 'settings_changed', settings, title, by: 'local' } as unknown as EventBody; // a literal event
  await owner.append([named, ...bodies], (events: SessionEvent[]) => {
    const view = events.reduce((folded, event) => applyEvent(folded, event), EMPTY_VIEW);
    const history = events.flatMap(({ type }, index) => (type === 'message_delta' ? [] : [index]));
    return { history, meta: { title, status: status ?? statusOf(view) } };
  });
  return sessionId;
}

async function create(redis: Redis): Promise<SessionId> {
  const store = createSessionStore(redis);
  const userId = UserId.parse('local');
  const { sessionId } = await store.reserveId(userId, CreateId.parse(crypto.randomUUID()));
  const at = Date.now();
  const session = { sessionId, userId, title: null, cwd: '/srv/shop', settings: SessionSettings.parse({}) };
  const frame = JSON.stringify({ offset: 1, at, type: 'session_created', ...session });
  await store.create({ ...session, epoch: 'showcase', frame, at });
  return sessionId;
}
