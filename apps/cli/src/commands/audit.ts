// The audit trail, for operators: as JSON lines, oldest first.
import { EXIT } from '../io.ts';
import { jsonLine } from '../render/json.ts';
import { withGateway, type RunContext } from './shared.ts';

export interface AuditOptions {
  readonly after?: string;
}

/** Prints all there is, page by page. */
export async function runAudit(context: RunContext, options: AuditOptions): Promise<number> {
  const { io } = context;
  return withGateway(context, async ({ http }) => {
    let { after } = options;
    for (;;) {
      const page = await http.audit(after);
      for (const line of page) io.out(jsonLine(line));
      const last = page.at(-1);
      if (last === undefined) return EXIT.ok;
      after = last.id;
    }
  });
}
