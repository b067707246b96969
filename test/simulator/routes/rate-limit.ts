import { ok } from '../http/answer.ts';
import type { Route } from '../http/route.ts';

export const rateLimitRoutes: readonly Route[] = [
  {
    operation: 'rate-limit/get',
    caller: 'either',
    free: true,
    handle: (call) => {
      const core = call.rateLimit();
      return ok({ resources: { core, search: core, graphql: core }, rate: core });
    },
  },
];
