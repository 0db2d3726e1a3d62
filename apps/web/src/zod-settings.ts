// Must be the first import of the page: zod compiles its schemas with `new Function` otherwise, which the
// page's security policy forbids.
import { z } from 'zod';

z.config({ jitless: true });
