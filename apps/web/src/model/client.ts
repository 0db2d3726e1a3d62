// The one client of the page: same address as the page, logged in by the cookie that the login link set.
import { Client } from '@holdfast/client';

export const client = new Client({ url: globalThis.location.origin, clientName: 'holdfast-web/0.1.0' });
