import type { From, SessionItem } from '@holdfast/client';
import { tryParsePosition } from '@holdfast/shared/protocol';
import { CliFailure } from '../failure.ts';
import { EXIT } from '../io.ts';
import { eventLine, jsonLine } from '../render/json.ts';
import { withoutControls } from '../render/style.ts';
import { EMPTY_TRANSCRIPT, renderEvent, renderSnapshot, type TranscriptState } from '../render/transcript.ts';
import { Screen } from '../screen.ts';
import { resolveSession } from '../session-id.ts';
import { watchConnection } from '../watch-connection.ts';
import { withGateway, type JsonOption, type RunContext } from './shared.ts';

export interface AttachOptions extends JsonOption {
  /** `start`, or a position `epoch:offset`; without it the last messages, then what follows. */
  readonly from?: string;
  /** False ends after the replay. */
  readonly follow?: boolean;
}

/** Prints a session: what was, then what happens, until Ctrl-C. */
export async function runAttach(context: RunContext, id: string, options: AttachOptions): Promise<number> {
  const from = parseFrom(options.from);
  const { io } = context;
  return withGateway(context, async ({ http, client }) => {
    const sessionId = await resolveSession(http, id);
    await http.inspect(sessionId);
    const screen = new Screen(io);
    const stop = new AbortController();
    const stopListening = io.onInterrupt(() => stop.abort());
    const stopWatching = watchConnection(client, (line) => screen.note(line));
    const show = options.json === true ? jsonPrinter(context) : textPrinter(context, { screen, sessionId });
    try {
      for await (const item of client.session(sessionId).events({ from, signal: stop.signal })) {
        show(item);
        if (item.kind === 'caught_up' && options.follow === false) return EXIT.ok;
      }
      return EXIT.interrupted;
    } finally {
      stopListening();
      stopWatching();
      screen.endLine();
    }
  });
}

function parseFrom(text: string | undefined): From {
  if (text === undefined) return 'snapshot';
  if (text === 'start') return text;
  const position = tryParsePosition(text);
  if (position === undefined) {
    throw new CliFailure(`"${text}" is no position: give "start" or epoch:offset as "inspect" shows it`);
  }
  return position;
}

/** One line for each event, with its epoch; `reset` and `caughtUp` lines tell the position. */
function jsonPrinter({ io }: RunContext): (item: SessionItem) => void {
  return (item) => {
    if (item.kind === 'event') io.out(eventLine(item.event, item.position.epoch));
    else if (item.kind === 'caught_up') io.out(jsonLine({ type: 'caughtUp', position: item.position }));
    else {
      const { reason, position, snapshot } = item;
      io.out(jsonLine({ type: 'reset', reason, position, snapshot }));
    }
  };
}

function textPrinter(
  { io }: RunContext,
  { screen, sessionId }: { readonly screen: Screen; readonly sessionId: string },
): (item: SessionItem) => void {
  const clean = io.isOutTerminal ? withoutControls : (text: string): string => text;
  const options = { mode: 'transcript' as const, style: io.outStyle, clean, sessionId };
  let state: TranscriptState = EMPTY_TRANSCRIPT;
  return (item) => {
    if (item.kind === 'caught_up') return;
    if (item.kind === 'reset') {
      if (item.reason === 'epoch')
        screen.note('The log of this session was lost in part: going on from what is left');
      const { messagesDropped } = item.snapshot;
      if (messagesDropped > 0 && item.reason !== 'epoch') {
        screen.note(
          `${messagesDropped} earlier rows are not shown: --from start shows what the log still has`,
        );
      }
    }
    const rendered =
      item.kind === 'reset'
        ? renderSnapshot(item.reason === 'epoch' ? EMPTY_TRANSCRIPT : state, item.snapshot, {
            ...options,
            isShown: () => true,
          })
        : renderEvent(state, item.event, options);
    state = rendered.state;
    screen.show(rendered.pieces);
  };
}
