// An approval that nobody answers for long: the CLI's own time-outs (60 s, 5 and 10 minutes, an hour) never come first.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { asked, begin, isMade, resolved, touch } from '../e2e/support/asking.ts';
import { clientOf, newSession, startSystem } from '../e2e/support/system.ts';

const MINUTES = [11, 70];
const LONGEST_MS = Math.max(...MINUTES) * 60_000;

it.each(['control', 'mcp'])(
  'by way of %s an approval is answered after 11 and after 70 minutes, and the tool runs [F-07]',
  { timeout: LONGEST_MS + 300_000 },
  async (way) => {
    await using system = await startSystem();
    await using _worker = await system.startWorker({ HOLDFAST_APPROVALS: way });
    using client = clientOf(system.gateway);
    await Promise.all(
      MINUTES.map(async (minutes) => {
        const one = await newSession(client);
        const { end } = begin(one, `${touch(`after-${minutes}`)} [[say done]]`);
        end.catch(() => {}); // its own deadline is over long before
        const approval = await asked(one);
        await pause(minutes * 60_000);
        await one.session.decide(approval.approvalId, { kind: 'allow' });
        expect(await resolved(one, approval)).toMatchObject({ outcome: 'allowed' });
        const { turnId } = approval;
        if (turnId === null) throw new Error('the approval is of no turn');
        expect(await one.one('turn_ended', { turnId })).toMatchObject({ stopReason: 'end_turn' });
        expect(await isMade(one, `after-${minutes}`)).toBe(true);
        expect(one.all('child_started')).toHaveLength(1);
      }),
    );
  },
);
