/** The pages before the App exists, and after. */
import { neededPermissions } from '../adapters/github/needs.ts';
import { appManifest, manifestEvents } from './app-manifest.ts';
import { appsUrl, type GitHubHost, newAppUrl } from './github-host.ts';
import { Html, html } from './html.ts';
import { documentOf } from './layout.ts';
import type { NextSteps } from './next-steps.ts';
import { type Answers, longestName, type Problems, type Registration, warnings } from './registration.ts';

/** What every page knows. */
export interface PageContext {
  readonly host: GitHubHost;
  /** Where the credentials will go, for sentences. */
  readonly destination: string;
  /** Path below which all pages are, without a slash at the end. */
  readonly base: string;
}

interface Field {
  readonly name: keyof Problems;
  readonly label: string;
  readonly hint: Html;
  readonly value: string;
  readonly problem: string | undefined;
  readonly attributes: Html;
}

/** A form for what cannot be guessed. */
export function describePage({ host, base }: PageContext, answers: Answers, problems: Problems): string {
  const hostName = new URL(host.webUrl).host;
  const fields: readonly Field[] = [
    {
      name: 'webhookUrl',
      label: 'Address of Berth',
      hint: html`Where GitHub will reach your Berth, such as <code>https://berth.example.com</code>. It need not answer yet.`,
      value: answers.webhookUrl,
      problem: problems.webhookUrl,
      attributes: html` inputmode="url" spellcheck="false" placeholder="https://berth.example.com" required`,
    },
    {
      name: 'name',
      label: 'Name of the App',
      hint: html`Comments on pull requests carry it. No other App on ${hostName} may have the same.`,
      value: answers.name,
      problem: problems.name,
      attributes: html` maxlength="${longestName}" required`,
    },
    {
      name: 'organisation',
      label: 'Organisation',
      hint: html`Whose App it will be; you must be one of its owners. Leave it empty for your own account.`,
      value: answers.organisation,
      problem: problems.organisation,
      attributes: html` spellcheck="false" autocapitalize="none" placeholder="acme"`,
    },
  ];
  return documentOf(
    'Create the GitHub App',
    'describe',
    html`<h1>Create the GitHub App for Berth</h1>
<p class="lead">Berth works on ${hostName} as an App of your own. Say what it is called and where it lives; GitHub does the rest.</p>
<form action="${base}/review" method="get">
${fields.map(fieldOf)}
<div class="check"><input type="checkbox" id="public" name="public" value="yes" aria-describedby="public-hint"${answers.isPublic ? new Html(' checked') : undefined}>
<div><label for="public">Other accounts may install it, too</label>
<p class="hint" id="public-hint">For the organisations of an Enterprise Server. Berth works for whoever installs it.</p></div></div>
<div class="actions"><button>Continue</button></div>
</form>`,
  );
}

function fieldOf({ name, label, hint, value, problem, attributes }: Field): Html {
  const describedBy = problem === undefined ? `${name}-hint` : `${name}-problem ${name}-hint`;
  const invalid = problem === undefined ? undefined : new Html(' aria-invalid="true"');
  return html`<div class="field"><label for="${name}">${label}</label>
<p class="hint" id="${name}-hint">${hint}</p>
<input type="text" id="${name}" name="${name}" value="${value}" autocomplete="off" aria-describedby="${describedBy}"${invalid}${attributes}>
${problem === undefined ? undefined : html`<p class="problem" id="${name}-problem">${problem}</p>`}</div>
`;
}

/** Everything that the App will be, and the form that GitHub takes. */
export function reviewPage(
  { host, base, destination }: PageContext,
  registration: Registration,
  { redirectUrl, state }: { readonly redirectUrl: string; readonly state: string },
): string {
  const { name, webhookUrl, organisation, isPublic } = registration;
  const hostName = new URL(host.webUrl).host;
  const change = new URLSearchParams({
    name,
    webhookUrl,
    organisation: organisation ?? '',
    ...(isPublic && { public: 'yes' }),
  });
  return documentOf(
    'Review',
    'create',
    html`<h1>This is what GitHub will be asked for</h1>
<p class="lead">Nothing more than Berth needs. Be signed in to ${hostName} in this browser before you go on.</p>
<dl>
<div><dt>Name</dt><dd>${name}</dd></div>
<div><dt>Owner</dt><dd>${organisation ?? `your account on ${hostName}`}</dd></div>
<div><dt>Webhooks go to</dt><dd><code>${webhookUrl}</code></dd></div>
<div><dt>Installable by</dt><dd>${isPublic ? 'any account' : 'its owner only'}</dd></div>
<div><dt>Credentials go to</dt><dd>${destination}</dd></div>
</dl>
${warnings(registration, host).map((warning) => html`<p class="note warn">${warning}</p>`)}
<h2>Permissions</h2>
<table>${neededPermissions.map(
      ({ name, access, purpose }) =>
        html`<tr><th scope="row">${wordsOf(name)}</th><td class="access"><span class="tag ${access}">${access}</span></td><td>to ${purpose}</td></tr>`,
    )}</table>
<h2>Events</h2>
<p>${manifestEvents.map(({ name }) => html`<span class="tag">${wordsOf(name)}</span> `)}</p>
<form action="${newAppUrl(host, organisation, state)}" method="post">
<input type="hidden" name="manifest" value="${JSON.stringify(appManifest(registration, redirectUrl))}">
<div class="actions"><button>Create it on GitHub</button><a href="${base}/?${change.toString()}">Change something</a></div>
</form>
<p class="lead after">GitHub asks once more; should the name be taken, another one can be typed there. Then you are back here.</p>`,
  );
}

const wordsOf = (name: string) => {
  const words = name.replaceAll('_', ' ');
  return `${words[0]?.toUpperCase() ?? ''}${words.slice(1)}`;
};

/** The App exists and its credentials are kept. */
export function donePage({ destination }: PageContext, next: NextSteps): string {
  return documentOf(
    'Done',
    'install',
    html`<h1><a href="${next.appUrl}">${next.appName}</a> is ready</h1>
<p class="note good">Its credentials are in ${destination}.</p>
<ol class="next">
<li><h2>Install the App</h2><p>On the repositories whose pull requests get previews.</p>
<a class="button" href="${next.installUrl}">Install it on repositories</a></li>
<li><h2>Install Berth</h2><p>Put your own domain and registry in.</p><pre tabindex="0">${next.helmCommand}</pre></li>
<li><h2>See that all is well</h2><pre tabindex="0">${next.doctorCommand}</pre></li>
</ol>
<p class="lead after">The terminal says the same. This page can be closed.</p>`,
  );
}

/** Something did not work; `again` is what may help. */
export interface Failure {
  readonly title: string;
  readonly message: string;
  readonly advice: string;
  readonly again: { readonly label: string; readonly action: string; readonly method: 'get' | 'post' } | undefined;
}

export function failurePage({ host, base }: PageContext, failure: Failure, organisation: string | undefined): string {
  const { title, message, advice, again } = failure;
  // A form's own fields replace the query of its action: what the address has goes into fields.
  const action = again && new URL(again.action, 'http://here');
  const hidden = [...(action?.searchParams ?? [])].map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  const startAgain = html`<a class="button" href="${base}/">Start again</a>`;
  return documentOf(
    title,
    'create',
    html`<h1>${title}</h1>
<p class="note bad" role="alert">${message}</p>
<p>${advice}</p>
<div class="actions">${again === undefined ? startAgain : html`<form action="${action?.pathname}" method="${again.method}">${hidden}<button>${again.label}</button></form>`}
<a href="${appsUrl(host, organisation)}">Your Apps on GitHub</a></div>`,
  );
}
