import { describe, expect, it } from 'vitest';
import { changedSettings, SessionChanges, SessionSettings } from '../../src/protocol/index.ts';

const settings = SessionSettings.parse({ model: 'opus', allowedTools: ['Read'] });

describe('changes of settings [A-13]', () => {
  it('leave what is absent, replace what is there, and take null for the default', () => {
    expect(changedSettings(settings, { permissionMode: 'plan' })).toEqual({
      ...settings,
      permissionMode: 'plan',
    });
    expect(changedSettings(settings, { allowedTools: ['Write'] }).allowedTools).toEqual(['Write']);
    expect(changedSettings(settings, { model: null })).not.toHaveProperty('model');
  });

  it('that change nothing give the same settings', () => {
    const same = { model: 'opus', allowedTools: ['Read'], approvalExpirySeconds: null };
    expect(changedSettings(settings, same)).toBe(settings);
    expect(changedSettings(settings, {})).toBe(settings);
  });

  it.each([
    ['a mode that is none', { permissionMode: 'nonsense' }],
    ['a mode that only policy may give', { permissionMode: 'bypassPermissions' }],
    ['a name that no model has', { model: 'no such model' }],
    ['an option in place of a model', { model: '--dangerously-skip-permissions' }],
    ['a rule that is none', { allowedTools: ['Bash('] }],
    ['a list that is none', { disallowedTools: 'Read' }],
    ['an MCP server without an address', { mcpServers: { one: { type: 'http' } } }],
    ['an MCP server of another protocol', { mcpServers: { one: { type: 'http', url: 'file:///etc' } } }],
    ["an MCP server under a name of the service's", { mcpServers: { holdfast: { command: 'x' } } }],
    ['a directory without a name', { additionalDirectories: [''] }],
  ])('refuse %s', (_what, changes) => {
    expect(SessionChanges.safeParse(changes).success).toBe(false);
  });

  it('take everything that a CLI can be given', () => {
    const changes = {
      ...{ model: 'claude-opus-4-8[1m]', permissionMode: 'acceptEdits', additionalDirectories: ['/a', '/b'] },
      ...{ allowedTools: ['Bash(git *)'], disallowedTools: ['WebFetch'], trusted: true },
      mcpServers: {
        one: { command: 'npx', args: ['x'], env: { A: 'b' } },
        two: { type: 'sse', url: 'https://x/' },
      },
    };
    expect(SessionChanges.parse(changes)).toEqual(changes);
  });
});
