// The wire contract in code. Browser-safe: zod and ulid only. Adding an export is an API decision.
export * from './approval.ts';
export * from './client-frames.ts';
export * from './commands.ts';
export * from './content.ts';
export * from './error-codes.ts';
export * from './errors.ts';
export * from './event.ts';
export * from './ids.ts';
export * from './position.ts';
export * from './server-frames.ts';
export { NO_LIMITS, SNAPSHOT_LIMITS, type ViewLimits } from './session-messages.ts';
export * from './session-reducer.ts';
export * from './session-view.ts';
export { RunningTool, Waiting } from './session-waiting.ts';
export * from './settings.ts';
export * from './tool-rule.ts';
export * from './turn.ts';
export * from './version.ts';
