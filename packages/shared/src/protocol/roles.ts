// What a person may do in a session: everything, read and decide, or read.
import { z } from 'zod';

/** Roles that an owner can give to others. */
export const SharedRole = z.enum(['approver', 'viewer']);
export type SharedRole = z.infer<typeof SharedRole>;

export const SessionRole = z.enum(['owner', ...SharedRole.options]);
export type SessionRole = z.infer<typeof SessionRole>;
