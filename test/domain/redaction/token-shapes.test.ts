import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRedaction } from '../../../src/redaction.ts';

/** So many characters that look random and are the same in every run. */
function some(length: number, alphabet = 'aB3dE5gH7jK9mN1pQ2sT4vW6yZ8'): string {
  return Array.from({ length }, (_, index) => alphabet[(index * 7 + length) % alphabet.length]).join('');
}

const webToken = `eyJhbGciOiJSUzI1NiIsImtpZCI6IjEyMyJ9.eyJpc3MiOiJrdWJlcm5ldGVzL3NlcnZpY2VhY2NvdW50In0.${some(342)}`;

const tokens: Readonly<Record<string, string>> = {
  'GitHub, personal': `ghp_${some(36)}`,
  'GitHub, OAuth': `gho_${some(36)}`,
  'GitHub, user to server': `ghu_${some(36)}`,
  'GitHub, installation': `ghs_${some(36)}`,
  'GitHub, installation, signed': `ghs_123456_${webToken}`,
  'GitHub, refresh': `ghr_${some(76)}`,
  'GitHub, fine-grained': `github_pat_${some(22)}_${some(59)}`,
  GitLab: `glpat-${some(20)}`,
  'GitLab, routable': `glpat-${some(27)}.01.${some(9)}`,
  npm: `npm_${some(36)}`,
  PyPI: `pypi-AgEIcHlwaS5vcmc${some(120)}`,
  'Docker Hub': `dckr_pat_${some(27)}`,
  'Slack, bot': `xoxb-${some(12, '0123456789')}-${some(13, '0123456789')}-${some(24)}`,
  'Slack, app': `xapp-1-A0123-${some(13, '0123456789')}-${some(64)}`,
  'Slack, incoming webhook': `hooks.slack.com/services/T0123ABCD/B0123ABCD/${some(24)}`,
  Stripe: `sk_live_${some(24)}`,
  'Stripe, restricted': `rk_test_${some(99)}`,
  'Stripe, webhook': `whsec_${some(32)}`,
  'Google, API key': `AIza${some(35)}`,
  'Google, access': `ya29.${some(150)}`,
  'Google, client secret': `GOCSPX-${some(28)}`,
  'AWS, access key': 'AKIAIOSFODNN7EXAMPLE',
  'AWS, temporary access key': 'ASIAIOSFODNN7EXAMPLE',
  'Kubernetes, service account': webToken,
};

describe('E4 tokens of well-known shapes are left out without being held', () => {
  const { text } = createRedaction();
  for (const [name, token] of Object.entries(tokens)) {
    it(name, () => {
      assert.equal(text(`with ${token} in it`), 'with [redacted] in it');
      assert.equal(text(`{"token":"${token}"}`), '{"token":"[redacted]"}');
      assert.equal(text(`KEY=${token}\nBuilding next`), 'KEY=[redacted]\nBuilding next');
      const byteWise = [...Buffer.from(token)].map((byte) => `%${byte.toString(16)}`).join('');
      assert.equal(text(`with ${byteWise} in it`), 'with [redacted] in it');
    });

    it(`${name}, in base64`, () => {
      for (const before of ['', ':', 'k=']) {
        const encoded = Buffer.from(`${before}${token}`).toString('base64');
        const seen = text(`(${encoded})`).replaceAll(/[()]/g, '').split('[redacted]');
        // What is left are the characters that stand for what was before, and for the last bits.
        assert.ok(seen.length === 2 && seen.join('').length <= 6, seen.join());
      }
    });

    it(`${name}, split over lines`, () => {
      for (const width of [8, 20, 76]) {
        const lines = token.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
        if (lines.length < 2) continue;
        const shown = text(['a line', ...lines, '(end)'].join('\n')).split('\n');
        // A short rest could as well be the first word of what follows, and is of no use.
        const rest = shown.at(-2) === '[redacted]' ? [] : lines.slice(-1);
        assert.ok(rest.join().length < token.length / 2);
        assert.deepEqual(shown, ['a line', ...lines.slice(rest.length).map(() => '[redacted]'), ...rest, '(end)']);
      }
    });
  }

  const named = [
    ['curl -H "Authorization: Bearer abc" x', 'curl -H "Authorization: Bearer [redacted]" x'],
    ['authorization: token 0123', 'authorization: token [redacted]'],
    ['{"Authorization":"Basic dXNlcjpwYXNz"}', '{"Authorization":"Basic [redacted]"}'],
    ['{\\"authorization\\":\\"Bearer x.y\\"}', '{\\"authorization\\":\\"Bearer [redacted]\\"}'],
    ['Proxy-Authorization: Basic dXNlcjpwYXNz', 'Proxy-Authorization: Basic [redacted]'],
    ['sent Bearer 0a1b2c3d4e5f6071 there', 'sent Bearer [redacted] there'],
    ['git clone https://user:pass@host/a.git', 'git clone https://[redacted]@host/a.git'],
    ['postgres://app:p%40ss@db:5432/app', 'postgres://[redacted]@db:5432/app'],
    ['redis://:hunter2@redis:6379', 'redis://[redacted]@redis:6379'],
    ['GET /x?access_token=abc&b=1', 'GET /x?access_token=[redacted]&b=1'],
    ['GET /x?a=1&password=hunter2 HTTP/1.1', 'GET /x?a=1&password=[redacted] HTTP/1.1'],
    ['https://h/x?token=abc#top', 'https://h/x?token=[redacted]#top'],
    [`aws_secret_access_key = ${some(40)} x`, 'aws_secret_access_key = [redacted] x'],
    [`AWS_SECRET_ACCESS_KEY=${some(40)}`, 'AWS_SECRET_ACCESS_KEY=[redacted]'],
    [`"secretAccessKey", "aws_session_token": "${some(300)}"`, '"secretAccessKey", "aws_session_token": "[redacted]"'],
  ] as const;
  for (const [given, want] of named) it(given.slice(0, 60), () => assert.equal(text(given), want));

  const body = `${some(64)}\n${some(64)}\nabc=`;
  for (const kind of [
    'PRIVATE KEY',
    'RSA PRIVATE KEY',
    'EC PRIVATE KEY',
    'OPENSSH PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY',
  ]) {
    it(`a whole ${kind}, line by line, and in JSON`, () => {
      const key = `-----BEGIN ${kind}-----\n${body}\n-----END ${kind}-----`;
      const five = Array.from({ length: 5 }, () => '[redacted]').join('\n');
      assert.equal(text(`key:\n${key}\nnext line`), `key:\n${five}\nnext line`);
      assert.equal(text(JSON.stringify({ key })), '{"key":"[redacted]"}');
      const withPrefixes = key.split('\n').map((line) => `#7 1.250 ${line}`);
      assert.equal(text(withPrefixes.join('\n')), withPrefixes.map(() => '#7 1.250 [redacted]').join('\n'));
    });
  }

  it('a private key whose end is missing, and not what follows', () => {
    const given = `-----BEGIN PRIVATE KEY-----\n${some(64)}\n${some(64)}\nBuilding the image\n`;
    assert.equal(text(given), '[redacted]\n[redacted]\n[redacted]\nBuilding the image\n');
  });
});

it('what follows a token is not taken for its rest', () => {
  const { text } = createRedaction();
  const words = 'Building\nthe\nimage\nnode_modules\ndone';
  for (const token of Object.values(tokens)) {
    assert.equal(text(`${token}\n${words}`), `[redacted]\n${words}`);
    const [first = '', ...others] = token.match(/.{1,20}/g) ?? [];
    const shown = text(`${[first, ...others].join('\n')}\n${words}`);
    assert.ok(shown.endsWith('\nthe\nimage\nnode_modules\ndone'), shown);
  }
});

describe('ordinary output stays as it is', () => {
  const { text } = createRedaction({ credentials: [some(40)] });
  const lines = [
    '#5 [internal] load metadata for docker.io/library/node:24-alpine',
    '#8 sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1 32B / 32B 0.0s done',
    '#12 0.345 npm warn deprecated inflight@1.0.6: This module is not supported, and leaks memory.',
    '#12 4.021 added 1187 packages, and audited 1188 packages in 32s',
    '"integrity": "sha512-SMLf4KcVPXOmgq4N2h1cmqK6bDKR8S0fZx8Q9JmYqZ8mVbXqIYYVW6lQ4kbfqV7qZ8kU6Q0m2z7bqv3n5rM3kw=="',
    'resolved "https://npm.registry.example/@babel/core/-/core-7.24.0.tgz#56cbda6b185ae9d9bed369816a8f4423c5f2ff1b"',
    'Collecting requests==2.31.0 (from -r requirements.txt (line 3))',
    '  Downloading requests-2.31.0-py3-none-any.whl.metadata (4.6 kB)',
    'Get:1 http://packages.example/debian bookworm/main amd64 libssl3 amd64 3.0.11-1~deb12u2 [2019 kB]',
    'go: downloading golang.org/x/sys v0.15.0',
    'github.com/pkg/errors v0.9.1 h1:FEBLx1zS214owpjy7qsBeixbURkuhQAwrK5UwLGTwt4=',
    'commit 8a3db5bed82c9a4e1b7f00c1d2e3f4a5b6c7d8e9 (HEAD -> main, origin/main)',
    'request id 3f2504e0-4f89-11d3-9a0c-0305e82c3301 took 12ms',
    'Pushed ghcr.io/acme/web@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    'Cloning ssh://git@github.com/acme/shop.git and git@github.com:acme/shop.git',
    'https://npm.registry.example:443/@scope%2fname http://localhost:8080/@vite/client mailto:a@b.example',
    'Basic configuration loaded, Bearer authentication required, basic understanding0 needed',
    'token: expected ";" but found "}"  password must have 8 characters',
    'npm_config_cache=/home/node/.npm npm_lifecycle_event=build npm_package_version=1.2.3',
    'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    '//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbImluZGV4LmpzIl0sIm1hcHBpbmdzIjoiQUFBQSJ9',
    '-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n-----END CERTIFICATE-----',
    'Extension modules: _ctypes, _ssl, sk_test, whsec, AIzaNotAKey, AKIA, eyJ, ghs, xoxb',
    'chunk-vendors.8f2d3c1a.js  1,024.00 KiB  ████████████  100% |  ETA: 0s',
    'warning: unused variable `x` --> src/main.rs:12:9 = note: `#[warn(unused_variables)]` on by default',
    'Successfully built 2f3a4b5c6d7e',
    'at Object.<anonymous> (/app/node_modules/.pnpm/vite@5.0.0_@types+node@20.10.0/node_modules/vite/dist/node/cli.js:764:5)',
  ];
  for (const line of lines) it(line.slice(0, 70), () => assert.equal(text(line), line));

  it('all of it together', () => assert.equal(text(lines.join('\n')), lines.join('\n')));
});
