// What a session says when a child has started: which model answers, and anything unusual about the CLI.
import type { EventBody, SessionView } from '@holdfast/shared/protocol';
import { isTested, TESTED_CLI_VERSIONS } from '@holdfast/shared/runtime';
import type { ChildEnvironment, ChildReady } from './child-host.ts';

/** Notices for a new child; those that the session has shown already (in its recent messages) are left out. */
export function openingNotices(input: {
  readonly view: SessionView;
  readonly ready: ChildReady;
  readonly environment: ChildEnvironment;
}): EventBody[] {
  const { view, ready, environment } = input;
  const notices = [
    ...forgottenNotice(view, ready),
    modelNotice(environment),
    ...versionNotice(ready.cliVersion),
    ...containmentNotice(environment.containment),
    ...trustNotice(view.cwd, ready.ignored),
  ];
  return notices.filter(
    (notice) => !view.messages.some((message) => message.kind === 'notice' && message.text === notice.text),
  );
}

/** A child that does not go on with a conversation in which something was said: its transcript is gone. */
function forgottenNotice(view: SessionView, ready: ChildReady): Notice[] {
  const isOld = view.messages.some((message) => message.kind === 'text' || message.kind === 'tool');
  if (ready.resumed || !isOld) return [];
  const text =
    'Claude Code begins anew: its record of the conversation is gone, so it knows nothing of what was said before.';
  return [{ type: 'notice', kind: 'warning', text, data: { code: 'conversation_lost' } }];
}

type Notice = Extract<EventBody, { type: 'notice' }>;

function modelNotice(environment: ChildEnvironment): Notice {
  const text =
    environment.modelSource === 'demo'
      ? 'The demo model answers here: scripted, no AI. Set ANTHROPIC_API_KEY (or HOLDFAST_MODEL=real) and restart Holdfast for a real one.'
      : 'A real model answers here. HOLDFAST_MODEL=demo switches to the scripted demo model.';
  return { type: 'notice', kind: 'model_source', text, data: { source: environment.modelSource } };
}

function versionNotice(version: string | null): Notice[] {
  if (version !== null && isTested(version)) return [];
  const { from, to } = TESTED_CLI_VERSIONS;
  const range = from === to ? from : `${from} to ${to}`;
  const text = `Claude Code ${version ?? 'of an unknown version'} runs here; Holdfast was tested with ${range}.`;
  return [{ type: 'notice', kind: 'cli_version', text, data: { version, tested: { from, to } } }];
}

function containmentNotice(containment: ChildEnvironment['containment']): Notice[] {
  if (containment.kind === 'namespace') return [];
  const text =
    'Processes of this session are not held in a namespace of their own; what they leave behind is swept up as far as it can be found.';
  return [{ type: 'notice', kind: 'containment', text, data: { refusal: containment.refusal } }];
}

function trustNotice(cwd: string, ignored: ChildReady['ignored']): Notice[] {
  if (ignored.length === 0) return [];
  const names = ignored.map(
    ({ kind, name, file }) => `${kind === 'rule' ? 'rule' : 'MCP server'} ${name} (${file})`,
  );
  const text = `Do you trust this workspace? Until its owner says so, this of its configuration is ignored: ${names.join(', ')}.`;
  return [{ type: 'notice', kind: 'trust', text, data: { cwd, ignored } }];
}
