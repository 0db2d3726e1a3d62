// What `npm run up -- --help` prints.

export const HELP = `Usage: npm run up

Starts Holdfast on this machine and keeps it running: a private Redis, a gateway, two workers and,
where no credentials are set, the demo model. Ctrl-C stops all of it; a second Ctrl-C kills it.
Started again while it runs, it prints the address and ends.

Everything it keeps is in .holdfast/: the data of Redis, sessions, logs (logs/<part>.log), and client.json
with the address and the token for "npx --no-install holdfast".

Settings (environment):
  HOLDFAST_PORT           port of the gateway (8787; 0 takes a free one)
  HOLDFAST_HOST           address the gateway listens on (127.0.0.1)
  HOLDFAST_DATA_DIR       where data is kept (.holdfast in the checkout)
  HOLDFAST_WORKSPACE_ROOTS  folders that sessions may work in, separated by ":" (<data>/workspaces)
  HOLDFAST_MODEL          demo, real, or auto: real when credentials are set
  HOLDFAST_TOKEN          the access token (made once and kept in client.json)
  REDIS_URL               a Redis 7.0 or newer to use in place of a private one
  CLAUDE_PATH             the claude executable (the pinned package of this checkout)
  ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, CLAUDE_CODE_OAUTH_TOKEN, ANTHROPIC_BASE_URL,
  CLAUDE_CODE_USE_BEDROCK, CLAUDE_CODE_USE_VERTEX, HOLDFAST_CLAUDE_CONFIG_DIR   the real model

Options:
  --help                  this text
`;
