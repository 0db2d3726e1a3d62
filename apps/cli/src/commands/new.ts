import { resolve } from 'node:path';
import { followPrompt } from '../follow-prompt.ts';
import { EXIT } from '../io.ts';
import { jsonLine } from '../render/json.ts';
import { promptText } from './send.ts';
import { withGateway, type JsonOption, type RunContext } from './shared.ts';

export interface NewOptions extends JsonOption {
  readonly cwd?: string;
  readonly title?: string;
  readonly model?: string;
  readonly permissionMode?: 'default' | 'acceptEdits' | 'plan';
  readonly allow?: readonly string[];
  readonly prompt?: string;
}

/** Creates a session; with a prompt, follows its answer. */
export async function runNew(context: RunContext, options: NewOptions): Promise<number> {
  const { io } = context;
  return withGateway(context, async ({ http, client }) => {
    const text = options.prompt === undefined ? undefined : await promptText([options.prompt], io);
    const { sessionId } = await http.create({
      ...(options.cwd === undefined ? {} : { cwd: resolve(context.cwd, options.cwd) }),
      ...(options.title === undefined ? {} : { title: options.title }),
      settings: {
        ...(options.model === undefined ? {} : { model: options.model }),
        ...(options.permissionMode === undefined ? {} : { permissionMode: options.permissionMode }),
        ...(options.allow === undefined ? {} : { allowedTools: [...options.allow] }),
      },
    });
    if (text !== undefined) {
      return followPrompt({
        client,
        session: client.session(sessionId),
        text,
        isJson: options.json === true,
        io,
      });
    }
    io.out(options.json === true ? jsonLine({ sessionId }) : `${sessionId}\n`);
    return EXIT.ok;
  });
}
