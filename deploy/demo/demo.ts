/**
 * The main job from end to end, on real components: a pull request is opened, pushed to twice and closed.
 *
 *   npm run demo [-- --keep] [-- --json FILE]
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { examples, startWorld, type World } from '../../test/e2e/world.ts';
import { down, up } from '../local/stack.ts';
import { freePort } from '../local/free-port.ts';
import { Narrator } from './narrator.ts';

const repo = 'acme/shop';

const { values: flags } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, json: { type: 'string' }, help: { type: 'boolean' } },
});
if (flags.help) {
  process.stdout.write('usage: npm run demo [-- --keep] [-- --json FILE]\n');
  process.exit(0);
}

const narrator = new Narrator((text) => process.stdout.write(text));
const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort(new Error(name)));

const startedAt = performance.now();
const stack = await up();
try {
  narrator.stageDone('set-up', performance.now() - startedAt);
  const port = String(await freePort());
  await using world = await startWorld({
    stack,
    env: { BERTH_GATEWAY_LISTEN: `127.0.0.1:${port}`, BERTH_PREVIEW_PORT: port },
    onLog: (line) => narrator.heard(line),
  });
  const shown = await show(world);
  if (flags.keep) {
    narrator.say(`\nEverything keeps running. Open ${shown.url} in a browser on this machine,`);
    narrator.say(`the pull request at ${shown.pullRequestUrl}. Ctrl-C ends it.`);
    await new Promise((resolve) => interrupted.signal.addEventListener('abort', resolve));
  } else {
    await close(world, shown.number);
  }
} finally {
  if (!stack.alreadyUp) await down();
}
if (flags.json) await writeFile(flags.json, `${JSON.stringify({ stages: narrator.stages }, undefined, 2)}\n`);
narrator.say('\nAll of it happened.');

/** Opens the pull request, pushes twice, and looks at the preview each time. */
async function show(world: World) {
  const { github } = world;
  github.createRepository({ owner: 'acme', name: 'shop', from: join(examples, 'shop') });

  narrator.stage('open → ready', 'A pull request is opened: two images to build, a database beside them.');
  const opened = github.openPullRequest({ repo, title: 'A new look', changes: { 'web/site/look.txt': 'new\n' } });
  const { number } = opened;
  const url = await world.running(repo, number, opened.headSha);
  narrator.stageDone();
  await look(world, url, opened.headSha, opened.headSha);

  narrator.stage('push, one image → ready', 'A second commit changes the pages, not the API.');
  const second = github.push(repo, number, { 'web/site/look.txt': 'newer\n' });
  await world.running(repo, number, second);
  narrator.stageDone();
  await look(world, url, second, opened.headSha);

  narrator.stage('push, no image → ready', 'A third commit changes words that no image contains.');
  const builds = narrator.builds;
  const third = github.push(repo, number, { 'README.md': 'A shop.\n' });
  await world.running(repo, number, third);
  narrator.stageDone();
  if (narrator.builds !== builds) throw new Error('an image was built although none changed');
  await look(world, url, second, opened.headSha);
  await world.commented(repo, number, new RegExp(third.slice(0, 7)));
  narrator.say(`  the pull request says: running ${third.slice(0, 7)}; nothing was built, Helm did not run`);
  return { number, url, pullRequestUrl: opened.htmlUrl };
}

/** Fetches the preview's page and its API through the gateway. @throws when they do not show these commits. */
async function look(world: World, url: string, webRevision: string, apiRevision: string): Promise<void> {
  const page = await world.visit(url);
  if (page.status !== 200 || !page.body.includes(webRevision)) {
    throw new Error(`${url} answered ${page.status} and does not show ${webRevision}`);
  }
  const api = await world.visit(url, '/cgi-bin/visits');
  if (api.status !== 200 || !api.body.includes(apiRevision)) {
    throw new Error(`${url}/cgi-bin/visits answered ${api.status}: ${api.body}`);
  }
  narrator.say(`  fetched ${url}: the page shows ${webRevision.slice(0, 7)}, the API answers ${api.body.trim()}`);
}

async function close(world: World, number: number): Promise<void> {
  narrator.stage('close → gone', 'The pull request is closed.');
  world.github.closePullRequest(repo, number);
  await world.removed(repo, number);
  narrator.stageDone();
  const left = await world.namespaces();
  if (left.length > 0) throw new Error(`left behind: ${left.map(({ metadata }) => metadata?.name).join(', ')}`);
  const states = await world.github.until(
    () => {
      const last = world.github.deployments(repo, number).map(({ statuses }) => statuses.at(-1)?.state);
      return last.every((state) => state === 'inactive') ? last : undefined;
    },
    { what: 'every deployment to be inactive' },
  );
  narrator.say(`  left in the cluster: nothing; deployments on GitHub: ${states.length}, all inactive`);
}
