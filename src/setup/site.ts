/** The pages as a site: below a path that only the person at the terminal knows. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { bareServer } from '../server/bare-server.ts';
import type { Flow, Standing } from './flow.ts';
import { contentSecurityPolicy } from './layout.ts';
import type { NextSteps } from './next-steps.ts';
import { describePage, donePage, type Failure, failurePage, type PageContext, reviewPage } from './pages.ts';
import { type Answers, parseAnswers } from './registration.ts';
import { sentenceOf } from './sentence.ts';

export interface SiteOptions {
  readonly context: PageContext;
  /** What the command line has said already. */
  readonly answers: Answers;
  readonly state: string;
  readonly flow: Flow;
  readonly nextSteps: (app: { readonly name: string; readonly htmlUrl: string }) => NextSteps;
  /** Told where the set-up stands, once the person has been shown. */
  readonly onStanding: (standing: Standing) => void;
  readonly log: Pick<Logger, 'error' | 'debug'>;
  readonly signal: AbortSignal;
}

type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Makes the site; it does not listen yet. */
export function setupSite(options: SiteOptions): FastifyInstance {
  const { context, flow, state, signal } = options;
  const { base } = context;
  const app = bareServer({ log: options.log, requestTimeoutMs: 60_000 });
  const headers = {
    'content-security-policy': contentSecurityPolicy(context.host),
    // Not `no-referrer`: browsers then send forms with `Origin: null`, which servers may take for a forgery.
    'referrer-policy': 'strict-origin',
  };
  // Whose App it would be, for links to where it is found.
  let organisation: string | undefined;

  const show = (reply: FastifyReply, page: string, status = 200) =>
    reply.code(status).headers(headers).type('text/html; charset=utf-8').send(page);

  async function showStanding(reply: FastifyReply, standing: Standing, here: string): Promise<FastifyReply> {
    reply.raw.once('close', () => options.onStanding(standing));
    if (standing.at === 'kept') return show(reply, donePage(context, options.nextSteps(standing.app)));
    const { status, failure } = failureOf(standing, { here, again: `${base}/again` });
    return show(reply, failurePage(context, failure, organisation), status);
  }

  // Only buttons are sent here.
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (_, __, done) => done(null));

  app.get(`${base}/`, async (request, reply) => {
    const given = request.query as Query;
    return show(reply, describePage(context, 'name' in given ? answersIn(given) : options.answers, {}));
  });

  app.get(`${base}/review`, async (request, reply) => {
    const answers = answersIn(request.query as Query);
    const parsed = parseAnswers(answers, context.host);
    if ('problems' in parsed) return show(reply, describePage(context, answers, parsed.problems), 422);
    ({ organisation } = parsed.registration);
    const redirectUrl = `${originOf(request)}${base}/created`;
    return show(reply, reviewPage(context, parsed.registration, { redirectUrl, state }));
  });

  app.get(`${base}/created`, async (request, reply) => {
    const given = request.query as Query;
    const standing = await flow.returned(text(given['code']), text(given['state']), signal);
    return showStanding(reply, standing, request.url);
  });

  app.post(`${base}/again`, async (request, reply) => {
    const standing = await flow.keepAgain(signal);
    return standing === undefined ? reply.redirect(`${base}/`, 303) : showStanding(reply, standing, request.url);
  });

  return app;
}

/** As the browser sees it: the port may be forwarded from another one. */
function originOf(request: FastifyRequest): string {
  return `http://${request.host}`;
}

function answersIn(query: Query): Answers {
  return {
    name: text(query['name']),
    webhookUrl: text(query['webhookUrl']),
    organisation: text(query['organisation']),
    isPublic: query['public'] !== undefined,
  };
}

const text = (value: string | readonly string[] | undefined) => (typeof value === 'string' ? value : '');

function failureOf(
  standing: Exclude<Standing, { readonly at: 'kept' }>,
  { here, again }: { readonly here: string; readonly again: string },
): { readonly status: number; readonly failure: Failure } {
  switch (standing.at) {
    case 'not ours':
      return {
        status: 403,
        failure: {
          title: 'This does not come from this set-up',
          message: 'What GitHub sent belongs to another form than the one that was sent from here.',
          advice:
            'Perhaps the set-up was started anew since then, or somebody has sent you this link. Nothing was taken over.',
          again: undefined,
        },
      };
    case 'code refused':
      return {
        status: 502,
        failure: {
          title: 'GitHub gave no credentials',
          message: sentenceOf(standing.message),
          advice:
            'If the App is among your Apps on GitHub by now, delete it there: its key has not reached us. Then start again.',
          again: undefined,
        },
      };
    case 'no answer':
      return {
        status: 502,
        failure: {
          title: 'GitHub did not answer',
          message: sentenceOf(standing.message),
          advice: 'Nothing is lost: what GitHub gave us is good for an hour.',
          again: { label: 'Try again', action: here, method: 'get' },
        },
      };
    case 'not kept':
      return {
        status: 500,
        failure: {
          title: 'The credentials could not be written',
          message: sentenceOf(standing.message),
          advice: `The App ${standing.app.name} exists, and its key is in the memory of this set-up alone: leave it running, mend what is wrong, and try again.`,
          again: { label: 'Try again', action: again, method: 'post' },
        },
      };
  }
}
