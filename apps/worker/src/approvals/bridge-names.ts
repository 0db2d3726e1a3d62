// How the CLI's arguments and environment name the approval bridge. Apart from it, since few workers need its library.

export const BRIDGE_SERVER = 'holdfast';
export const BRIDGE_TOOL = 'approve';
/** Variable of a child with the token of its session. */
export const BRIDGE_TOKEN = 'HF_APPROVAL_TOKEN';
