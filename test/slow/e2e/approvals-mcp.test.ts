// Approvals by way of the MCP bridge: the suite that the fast tier runs with the control channel.
import { approvalSuite } from '../../e2e/support/approval-suite.ts';

approvalSuite('mcp');
