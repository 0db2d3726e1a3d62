// Decisions on what the agent asks: approve, deny, answer; and the rules that are always allowed.
import type { Session, SessionDetails } from '@holdfast/client';
import {
  MAX_BYPASS_MINUTES,
  ToolInput,
  ToolRule,
  type DecisionInput,
  type PendingApproval,
} from '@holdfast/shared/protocol';
import { CliFailure } from '../failure.ts';
import { EXIT } from '../io.ts';
import { approvalLine, questionsOf } from '../render/approval-lines.ts';
import { jsonLine } from '../render/json.ts';
import { withoutControls } from '../render/style.ts';
import { resolveSession } from '../session-id.ts';
import { promptText } from './send.ts';
import { withGateway, type JsonOption, type RunContext } from './shared.ts';

/** Session and approval as given; without the approval, the only one that waits. */
export interface ApprovalOf {
  readonly id: string;
  readonly approval: string | undefined;
}

export interface ApproveOptions extends JsonOption {
  readonly session?: boolean;
  readonly always?: boolean;
  readonly rule?: readonly string[];
  readonly input?: string;
  readonly mode?: 'default' | 'acceptEdits';
}

export async function runApprove(
  context: RunContext,
  given: ApprovalOf,
  options: ApproveOptions,
): Promise<number> {
  return onApproval(context, { ...given, isJson: options.json === true }, async ({ approval, details }) => {
    if (approval.kind === 'question') {
      throw new CliFailure('This is a question: "holdfast answer" answers it');
    }
    if (approval.kind === 'plan') return { kind: 'plan', mode: options.mode ?? 'default' };
    if (options.mode !== undefined) throw new CliFailure('--mode is for plans');
    const scope = options.always === true ? 'always' : options.session === true ? 'session' : 'once';
    const rules = rulesOf(options.rule);
    if (scope === 'once' && rules !== undefined) {
      throw new CliFailure('--rule needs --session or --always');
    }
    if (scope !== 'once') {
      const shown = (rules ?? approval.rules ?? []).join(', ');
      const where = scope === 'always' ? `in all your sessions in ${details.session.cwd}` : 'in this session';
      context.io.err(`allowed from now on ${where}: ${withoutControls(shown)}\n`);
    }
    const input = options.input === undefined ? {} : { input: inputOf(options.input) };
    return { kind: 'allow', scope, ...input, ...(rules === undefined ? {} : { rules }) };
  });
}

export interface DenyOptions extends JsonOption {
  readonly message?: string;
  readonly stop?: boolean;
}

export async function runDeny(context: RunContext, given: ApprovalOf, options: DenyOptions): Promise<number> {
  const { message, stop = false } = options;
  return onApproval(context, { ...given, isJson: options.json === true }, async () => ({
    kind: 'deny',
    stop,
    ...(message === undefined ? {} : { message }),
  }));
}

/** One answer for each question, in their order; a number stands for that option. One question takes all words. */
export async function runAnswer(
  context: RunContext,
  given: { readonly id: string; readonly words: readonly string[] },
  options: JsonOption,
): Promise<number> {
  const isJson = options.json === true;
  const [first = ''] = given.words;
  const isNamed = given.words.length > 1 && /^[0-9A-Z]{6,26}$/.test(first);
  const words = isNamed ? given.words.slice(1) : given.words;
  const approval = isNamed ? first : undefined;
  return onApproval(context, { id: given.id, approval, isJson }, async ({ approval: pending }) => {
    if (pending.kind !== 'question')
      throw new CliFailure('This is no question: "approve" or "deny" decide it');
    const questions = questionsOf(pending.input);
    const texts = questions.length === 1 ? [await promptText(words, context.io)] : words;
    if (texts.length !== questions.length) {
      throw new CliFailure(`There are ${questions.length} questions: give as many answers, each in quotes`);
    }
    const answers = questions.map(({ question, options: labels }, index) => {
      const text = texts[index] ?? '';
      return [question, labels[Number(text) - 1] ?? text] as const;
    });
    return { kind: 'answer', answers: Object.fromEntries(answers) };
  });
}

/** Asks for the bypass; whether it is on is told by the session. */
export async function runBypass(
  context: RunContext,
  given: { readonly id: string; readonly minutes: string },
  options: JsonOption,
): Promise<number> {
  const { io } = context;
  const minutes = Number(given.minutes);
  if (!Number.isInteger(minutes) || minutes < 0 || minutes > MAX_BYPASS_MINUTES) {
    throw new CliFailure(`"${given.minutes}" is no number of minutes from 0 to ${MAX_BYPASS_MINUTES}`);
  }
  return withGateway(context, async ({ http, client }) => {
    const sessionId = await resolveSession(http, given.id);
    await http.inspect(sessionId);
    await client.session(sessionId).bypass(minutes);
    if (options.json === true) io.out(jsonLine({ sessionId, minutes }));
    else io.err('requested: "holdfast inspect" shows whether it is on, "holdfast attach" why not\n');
    return EXIT.ok;
  });
}

export interface RulesOptions extends JsonOption {
  readonly remove?: string;
  readonly cwd?: string;
}

/** Lists the rules that are always allowed, or takes one back. */
export async function runRules(context: RunContext, options: RulesOptions): Promise<number> {
  const { io } = context;
  return withGateway(context, async ({ http }) => {
    const rules = await http.rules();
    if (options.remove !== undefined) {
      const fits = rules.filter(({ rule, cwd }) => rule === options.remove && (options.cwd ?? cwd) === cwd);
      const [found, ...others] = fits;
      if (found === undefined) throw new CliFailure('There is no such rule: "holdfast rules" lists yours');
      if (others.length > 0) throw new CliFailure('Several folders have this rule: name one with --cwd');
      await http.removeRule(found);
      if (options.json === true) io.out(jsonLine({ cwd: found.cwd, rule: found.rule, removed: true }));
      else io.err(`removed: agents that run keep it until they are started anew\n`);
      return EXIT.ok;
    }
    if (options.json === true) io.out(jsonLine(rules));
    else if (rules.length === 0) io.err('Nothing is always allowed\n');
    else io.out(rules.map(({ cwd, rule }) => `${withoutControls(`${rule}  in ${cwd}`)}\n`).join(''));
    return EXIT.ok;
  });
}

interface Found {
  readonly approval: PendingApproval;
  readonly details: SessionDetails;
}

async function onApproval(
  context: RunContext,
  given: ApprovalOf & { readonly isJson: boolean },
  decisionOn: (found: Found) => Promise<DecisionInput>,
): Promise<number> {
  const { io } = context;
  return withGateway(context, async ({ http, client }) => {
    const sessionId = await resolveSession(http, given.id);
    const details = await http.inspect(sessionId);
    const approval = matchApproval(details.view.approvals, given.approval);
    const decision = await decisionOn({ approval, details });
    await send(client.session(sessionId), approval, decision);
    const { approvalId } = approval;
    if (given.isJson) io.out(jsonLine({ sessionId, approvalId, decision: decision.kind }));
    else io.err(`decided: ${decision.kind}\n`);
    return EXIT.ok;
  });
}

async function send(session: Session, approval: PendingApproval, decision: DecisionInput): Promise<void> {
  const { approvalId, inputDigest } = approval;
  await session.decide(approvalId, decision, inputDigest === undefined ? {} : { inputDigest });
}

/** An approval by any beginning or end of its id that only one has. */
export function matchApproval(
  approvals: readonly PendingApproval[],
  given: string | undefined,
): PendingApproval {
  const wanted = given?.toLowerCase() ?? '';
  const fits = approvals.filter(({ approvalId }) => {
    const id = approvalId.toLowerCase();
    return id.startsWith(wanted) || id.endsWith(wanted);
  });
  const [first, ...others] = fits;
  if (first === undefined) {
    throw new CliFailure(
      approvals.length === 0
        ? 'Nothing waits for a decision in this session'
        : `No approval fits "${given}": "holdfast inspect" shows those that wait`,
    );
  }
  if (others.length === 0) return first;
  const lines = fits.map((one) => `\n  ${one.approvalId}  ${withoutControls(approvalLine(one))}`).join('');
  throw new CliFailure(`${fits.length} approvals wait, name one of them:${lines}`);
}

function rulesOf(rules: readonly string[] | undefined): string[] | undefined {
  for (const rule of rules ?? []) {
    const parsed = ToolRule.safeParse(rule);
    if (!parsed.success) throw new CliFailure(`"${rule}" ${parsed.error.issues[0]?.message ?? 'is no rule'}`);
  }
  return rules === undefined ? undefined : [...rules];
}

function inputOf(text: string): ToolInput {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = ToolInput.safeParse(value);
  if (!parsed.success) throw new CliFailure('--input is no JSON object');
  return parsed.data;
}
