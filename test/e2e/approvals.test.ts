// Approvals by the control channel, the default way. The same by way of the MCP bridge is in the slow tier.
import { approvalSuite } from './support/approval-suite.ts';

approvalSuite('control');
