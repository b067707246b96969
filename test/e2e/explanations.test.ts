import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { badManifest, brokenBuild, crashing, greedy, page, type Files, unpullable } from './repositories.ts';
import { startWorld, type World } from './world.ts';

describe('a preview that cannot be is explained on the pull request', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  const open = (name: string, from: Files) => {
    world.github.createRepository({ owner: 'acme', name, from });
    const repo = `acme/${name}`;
    return { repo, ...world.github.openPullRequest({ repo }) };
  };
  const rows: { name: string; repository: string; files: Files; says: readonly RegExp[] }[] = [
    {
      name: 'a broken Dockerfile, with its line and what it printed',
      repository: 'broken-build',
      files: brokenBuild,
      says: [/Dockerfile/, /\b3\b/, /exit.*\b7\b/i, /no such thing/],
    },
    {
      name: 'G7 a crashing container, with its exit code and last words',
      repository: 'crashing',
      files: crashing,
      says: [/exit.*\b3\b/i, /DATABASE_URL is not set/],
    },
    {
      name: 'G7 an image that cannot be pulled, by name',
      repository: 'unpullable',
      files: unpullable,
      says: [/localhost:5000\/nobody\/nothing:1/],
    },
    {
      name: 'E11 a chart that wants the network of the node, with object, field and rule',
      repository: 'greedy',
      files: greedy,
      says: [/Deployment\/web/, /spec\.template\.spec\.hostNetwork/, /Pod Security/],
    },
    {
      name: 'a bad .berth.yaml, every mistake with line and column',
      repository: 'bad-manifest',
      files: badManifest,
      says: [/\.berth\.yaml/, /2:10/, /contxt/, /4:30/],
    },
  ];
  for (const { name, repository, files, says } of rows) {
    it(name, async () => {
      const { repo, number, headSha } = open(repository, files);
      const comment = await world.commented(repo, number, /❌/);
      for (const pattern of says) assert.match(comment, pattern);
      await world.github.until(
        () =>
          world.github
            .deployments(repo, number)
            .find(({ sha }) => sha === headSha)
            ?.statuses.at(-1)?.state === 'failure',
        { what: 'the deployment to have failed' },
      );
    });
  }

  it('keeps the last good revision serving when an update fails, and says so', async () => {
    const { repo, number, headSha } = open('update-fails', page('good'));
    const url = await world.running(repo, number, headSha);
    world.github.push(repo, number, crashing);
    const comment = await world.commented(repo, number, /❌/);
    assert.match(comment, new RegExp(`Still serving.*${headSha.slice(0, 7)}`));
    await world.shows(url, headSha);
    const sha = world.github.push(repo, number, page('good again'));
    await world.running(repo, number, sha);
    await world.shows(url, sha);
  });
});
