import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseEndpoint, rankEndpoints } from '../../../src/adapters/buildx/endpoint.ts';

describe('parseEndpoint', () => {
  const rows = [
    { text: 'docker:unix:///var/run/docker.sock', want: { kind: 'docker', url: 'unix:///var/run/docker.sock' } },
    { text: 'docker:tcp://host:2376?tls=/certs', want: { kind: 'docker', url: 'tcp://host:2376', tls: '/certs' } },
    { text: 'tcp://buildkitd:1234', want: { kind: 'buildkit', url: 'tcp://buildkitd:1234' } },
    { text: 'tcp://buildkitd:1234?tls=/certs', want: { kind: 'buildkit', url: 'tcp://buildkitd:1234', tls: '/certs' } },
    {
      text: 'unix:///run/buildkit/buildkitd.sock',
      want: { kind: 'buildkit', url: 'unix:///run/buildkit/buildkitd.sock' },
    },
  ];
  for (const { text, want } of rows) {
    it(`reads ${text}`, () => assert.deepEqual(parseEndpoint(text), { tls: undefined, ...want }));
  }
  for (const text of [
    '',
    'docker',
    'http://host:1',
    'tcp://host',
    'unix://relative',
    'tcp://h:1?tls=relative',
    'ssh://h:1',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseEndpoint(text), /is no BuildKit/));
  }
});

describe('rankEndpoints', () => {
  const pool = Array.from({ length: 5 }, (_, index) => parseEndpoint(`tcp://buildkit-${index}:1234`));
  const images = Array.from({ length: 200 }, (_, index) => `registry.example/acme/app-${index}/web`);

  it('gives the same order for the same image, however the endpoints are listed', () => {
    for (const image of images) assert.deepEqual(rankEndpoints(pool, image), rankEndpoints(pool.toReversed(), image));
  });

  it('spreads images over all endpoints', () => {
    const counts = new Map<string, number>();
    for (const image of images) {
      const url = rankEndpoints(pool, image)[0]?.url ?? '';
      counts.set(url, (counts.get(url) ?? 0) + 1);
    }
    assert.equal(counts.size, 5);
    assert.ok(Math.min(...counts.values()) > 20, JSON.stringify([...counts]));
  });

  it('moves only the images of an endpoint that goes', () => {
    const [gone, ...left] = pool;
    for (const image of images) {
      const [first, second] = rankEndpoints(pool, image);
      assert.equal(rankEndpoints(left, image)[0], first === gone ? second : first);
    }
  });
});
