// Permission questions of a CLI under test, and what became of its tool calls.
import type { CliProcess } from './cli-process.ts';
import { dig, isMatch, textAt, type Line } from './lines.ts';

export const ASKED = { type: 'control_request', request: { subtype: 'can_use_tool' } };

/** The `count`-th question so far (the first by default); waits for it. */
export async function asked(cli: CliProcess, count = 1): Promise<Line> {
  return cli.waitFor(
    (line) => isMatch(line, ASKED) && questions(cli).length >= count && questions(cli)[count - 1] === line,
  );
}

export function questions(cli: CliProcess): Line[] {
  return cli.lines.filter((line) => isMatch(line, ASKED));
}

/** The input of the tool that a question is about. */
export function inputOf(question: Line): Line {
  return dig(question, 'request', 'input') as Line; // every question has one; checked by the test of its shape
}

export function allow(cli: CliProcess, question: Line, updatedInput: Line = inputOf(question)): void {
  cli.answer(question, { behavior: 'allow', updatedInput });
}

export function deny(cli: CliProcess, question: Line, message: string): void {
  cli.answer(question, { behavior: 'deny', message });
}

/** Results of tool calls, in the order of their lines: text, and whether it is an error. */
export function toolResults(lines: readonly Line[]): { readonly text: string; readonly isError: boolean }[] {
  return lines.flatMap((line) => {
    const content = dig(line, 'message', 'content');
    if (line['type'] !== 'user' || !Array.isArray(content)) return [];
    return content
      .filter((block: unknown) => textAt(block, 'type') === 'tool_result')
      .map((block: unknown) => ({
        text: textAt(block, 'content') || JSON.stringify(dig(block, 'content')),
        isError: dig(block, 'is_error') === true,
      }));
  });
}
