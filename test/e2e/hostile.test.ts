import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { type Files, page } from './repositories.ts';
import { startWorld, type World } from './world.ts';

const base = 'FROM localhost:5000/library/busybox:stable';

describe('hostile content', () => {
  let world: World;
  /** One that Berth holds. */
  const held = randomBytes(24).toString('hex');
  before(async () => {
    world = await startWorld({ env: { BERTH_GITHUB_WEBHOOK_SECRET_OLD: held } });
  });
  after(() => world[Symbol.asyncDispose]());

  const open = (name: string, from: Files, pullRequest: { readonly title?: string; readonly branch?: string } = {}) => {
    world.github.createRepository({ owner: 'acme', name, from });
    const repo = `acme/${name}`;
    return { repo, ...world.github.openPullRequest({ repo, ...pullRequest }) };
  };

  /** Everything that Berth has told or kept about a pull request. */
  async function toldAndKept(repo: string, number: number): Promise<Readonly<Record<string, string>>> {
    const failed = () => world.github.deployments(repo, number).at(-1)?.statuses.at(-1);
    const { environmentUrl } = await world.github.until(() => (failed()?.state === 'failure' ? failed() : undefined), {
      what: 'the deployment to have failed',
    });
    const gatewayPage = (await world.visit(environmentUrl ?? '')).body;
    assert.match(gatewayPage, /This preview failed/);
    assert.match(gatewayPage, /@acme\/admins !\[x\].*&lt;script&gt;alert/);
    assert.doesNotMatch(gatewayPage, /<script|<img|\u202E/);
    return {
      comment: world.github
        .comments(repo, number)
        .map(({ body }) => body)
        .join(),
      'the gateway page': gatewayPage,
      deployments: JSON.stringify(world.github.deployments(repo, number)),
      Redis: await everythingInRedis(world),
      'the log': world.berth.log.map((line) => JSON.stringify(line)).join('\n'),
      namespaces: JSON.stringify((await world.namespaces()).map(({ metadata }) => metadata)),
    };
  }

  const branch = `--upload-pack=$(id);\`id\`'"<img/src=x>@acme/admins&&#1😀${'a'.repeat(150)}`;
  const title =
    '@acme/admins ![x](http://evil.example/x.png) <script>alert(1)</script> [y](javascript:alert(1)) `` #1\u202E\u0007';

  it('E1 E3 a branch, a title and a label made to be obeyed are text, wherever they go', async () => {
    const { repo, number, headSha } = open('$(id)--hostile.names', page('hostile'), { branch, title });
    world.github.label(repo, number, '"><script>alert(1)</script> @acme');
    const url = await world.running(repo, number, headSha);
    assert.match(new URL(url).hostname.split('.')[0] ?? '', /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    await world.shows(url, headSha);
    const [namespace] = await world.namespaces();
    assert.doesNotMatch(JSON.stringify(namespace?.metadata), /upload-pack|acme\/admins|script/);
    world.github.push(repo, number, {
      '.berth.yaml': 'images: { "<script>@acme/admins": {} }\nroutes: [![x](http://evil.example)]\n',
    });
    const comment = await world.commented(repo, number, /❌/);
    // Outside of code nothing is left that GitHub would turn into something.
    const outsideOfCode = comment.replace(/(`+)[^`].*?\1/g, '');
    assert.doesNotMatch(outsideOfCode, /@acme|<script|<img|!\[|\]\(javascript|\u202E/);
    await world.github.until(
      () => world.github.deployments(repo, number).some(({ statuses }) => statuses.at(-1)?.state === 'failure'),
      {
        what: 'the deployment to have failed',
      },
    );
    // Each line of the log is one line, in JSON, with nothing in it that a terminal obeys.
    assert.ok(world.berth.log.every(({ level }) => level !== 'none'));
  });

  it('E2 repositories whose names differ beyond what fits into a host run side by side', async () => {
    const name = 'a-name-much-longer-than-what-fits-into-the-host-of-a-preview';
    const opened = [1, 2].map((index) => open(`${name}-${index}`, page(`number ${index}`)));
    const urls = await Promise.all(opened.map(({ repo, number, headSha }) => world.running(repo, number, headSha)));
    assert.notEqual(urls[0], urls[1]);
    for (const [index, url] of urls.entries()) await world.shows(url, `number ${index + 1}`);
  });

  const leaks: readonly { name: string; repository: string; files: (leak: string) => Files }[] = [
    {
      name: 'E4 a Dockerfile that prints credentials in every form',
      repository: 'leaking-build',
      files: (leak) => ({
        'leak.txt': leak,
        Dockerfile: `${base}\nCOPY leak.txt /\nRUN cat /leak.txt; exit 7\n`,
      }),
    },
    {
      name: 'E4 a pod that prints credentials in every form',
      repository: 'leaking-pod',
      files: (leak) => ({
        'leak.txt': leak,
        Dockerfile: `${base}\nCOPY leak.txt /\nUSER 65534:65534\nCMD ["sh", "-c", "cat /leak.txt; exit 3"]\n`,
      }),
    },
  ];
  for (const { name, repository, files } of leaks) {
    it(`${name} shows and keeps none of them`, async () => {
      const token = `ghp_${randomBytes(27).toString('base64').replaceAll(/[+/=]/g, 'x')}`;
      const lines = [held, token].flatMap(formsOf);
      const { repo, number } = open(repository, files(`${lines.join('\n')}\n(the last word)\n`), { title });
      const comment = await world.commented(repo, number, /❌/);
      assert.match(comment, /\[redacted\]/);
      assert.match(comment, /\(the last word\)/);
      // Shorter ones could be somewhere by chance.
      const telling = lines.filter((line) => line.length >= 9);
      for (const [place, text] of Object.entries(await toldAndKept(repo, number))) {
        for (const line of telling) assert.ok(!text.includes(line), `${place} holds ${line}`);
      }
    });
  }
});

/** Lines of which none may be seen anywhere. */
function formsOf(credential: string): readonly string[] {
  const base64 = Buffer.from(`user:${credential}`).toString('base64');
  const everyByte = [...Buffer.from(credential)].map((byte) => `%${byte.toString(16)}`).join('');
  return [
    credential,
    Buffer.from(credential).toString('base64'),
    ...piecesOf(base64, 24),
    everyByte,
    ...piecesOf(credential, 9),
  ];
}

function piecesOf(text: string, length: number): readonly string[] {
  return Array.from({ length: Math.ceil(text.length / length) }, (_, index) =>
    text.slice(index * length, (index + 1) * length),
  );
}

/** Every key of this Berth, and all that is in it. */
async function everythingInRedis({ stack, instance }: World): Promise<string> {
  const redis = new Redis(stack.redisUrl);
  try {
    const found: unknown[] = [];
    for await (const keys of redis.scanStream({ match: `{${instance}}*`, count: 1_000 })) {
      for (const key of keys as string[]) found.push(key, await valueOf(redis, key));
    }
    assert.ok(found.length > 0, 'Berth keeps something in Redis');
    return JSON.stringify(found);
  } finally {
    redis.disconnect();
  }
}

async function valueOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'string':
      return redis.get(key);
    case 'list':
      return redis.lrange(key, 0, -1);
    case 'hash':
      return redis.hgetall(key);
    case 'set':
      return redis.smembers(key);
    case 'zset':
      return redis.zrange(key, '0', '-1');
    case 'stream':
      return redis.xrange(key, '-', '+');
    default:
      return undefined;
  }
}
