/** The part of the checker's verdict that must be so in every row of the fault table. */
export const NOTHING_WRONG = {
  lost: 0,
  duplicated: 0,
  reordered: 0,
  divergedSilently: 0,
  promptsRunTwice: 0,
  problems: [],
} as const;
