import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CoreV1Api } from '@kubernetes/client-node';
import { type Browser, chromium, type Page } from 'playwright-core';
import { browser as browserPath } from '../../deploy/local/browser.ts';
import { berthEnvironment, uniqueWord } from '../e2e/berth-environment.ts';
import { startBerth } from '../e2e/berth-process.ts';
import { localStack } from '../local-stack.ts';
import { headersFor } from '../server/delivery.ts';
import { type Simulator, startSimulator } from '../simulator/simulator.ts';
import { stackKubeConfig } from './kubernetes-stack.ts';
import { startSetupProcess } from './setup-process.ts';

/** Where pictures of the pages go, for whoever wants to see them; nowhere without it. */
const pictures = process.env['BERTH_TEST_PICTURES'];

describe('berth setup in a browser', { timeout: 180_000 }, () => {
  const stack = localStack();
  const cluster = stackKubeConfig().makeApiClient(CoreV1Api);
  const namespace = uniqueWord('setup');
  let github: Simulator;
  let browser: Browser;
  before(async () => {
    github = await startSimulator();
    // Chromium's own sandbox is not for root.
    browser = await chromium.launch({ executablePath: await browserPath(), args: ['--no-sandbox'] });
  });
  after(async () => {
    await browser.close();
    await cluster.deleteNamespace({ name: namespace }).catch(() => undefined);
    await github.close();
  });

  /** A page that fails the test when the browser complains of it: of its policy, of what it loads. */
  async function openPage(
    options: Parameters<Browser['newPage']>[0] = {},
  ): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage({ viewport: { width: 1000, height: 900 }, ...options });
    const complaints: string[] = [];
    page.on('console', (message) => {
      // Browsers ask for an icon without being told of one.
      if (!message.location().url.endsWith('/favicon.ico')) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    return { page, complaints };
  }

  async function picture(page: Page, name: string): Promise<void> {
    if (pictures === undefined) return;
    await mkdir(pictures, { recursive: true });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`), fullPage: true });
    }
  }

  it('leads from the terminal to a Secret that Berth takes webhooks with', async () => {
    const to = ['--kubeconfig', stack.kubeconfig, '--namespace', namespace];
    await using setup = startSetupProcess(['--github-url', github.htmlUrl, '--organisation', 'acme', ...to]);
    const { page, complaints } = await openPage({ javaScriptEnabled: false });
    await page.goto(await setup.address);
    await picture(page, '1-describe');
    assert.equal(await page.getByLabel('Organisation').inputValue(), 'acme');
    await page.getByLabel('Address of Berth').fill('berth example');
    await page.getByLabel('Name of the App').fill('Berth of Acme');
    await page.getByRole('button', { name: 'Continue' }).click();
    const problem = page.getByText('Give the URL that GitHub can reach Berth at');
    await problem.waitFor();
    await picture(page, '2-problem');
    await page.getByLabel('Address of Berth').fill('berth.example.com');
    await page.getByLabel('Address of Berth').press('Enter');
    await page.getByRole('heading', { name: 'This is what GitHub will be asked for' }).waitFor();
    await picture(page, '3-review');
    const asked = page.waitForRequest((request) => request.url().startsWith(github.htmlUrl));
    await page.getByRole('button', { name: 'Create it on GitHub' }).click();
    const { origin, referer } = await (await asked).allHeaders();
    assert.equal(origin, new URL(await setup.address).origin);
    assert.equal(referer, `${origin}/`, 'GitHub is told the address that only the terminal knows');
    await page.getByRole('button', { name: 'Create GitHub App for acme' }).click();
    await page.getByRole('heading', { name: 'Berth of Acme is ready' }).waitFor();
    await picture(page, '4-done');
    const install = await page.getByRole('link', { name: 'Install it on repositories' }).getAttribute('href');
    assert.equal(install, `${github.htmlUrl}/apps/berth-of-acme/installations/new`);
    assert.deepEqual(
      complaints.filter((text) => !text.includes('422')),
      [],
    );
    assert.equal(await setup.exitCode, 0, setup.terminal());
    assert.match(setup.terminal(), /--set github\.existingSecret=berth-github/);

    const secret = await cluster.readNamespacedSecret({ namespace, name: 'berth-github' });
    const values = Object.entries(secret.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString(),
    ]);
    const data = Object.fromEntries(values) as Record<string, string>;
    assert.deepEqual(Object.keys(data).sort(), ['app-id', 'private-key', 'webhook-secret']);
    for (const key of ['private-key', 'webhook-secret']) assert.ok(!setup.terminal().includes(data[key] ?? ''));

    const directory = await mkdtemp(join(tmpdir(), 'berth-setup-'));
    const app = {
      id: Number(data['app-id']),
      privateKey: data['private-key'] ?? '',
      webhookSecret: data['webhook-secret'] ?? '',
    };
    const coordinates = { apiUrl: github.apiUrl, app };
    const berth = await startBerth(berthEnvironment(stack, coordinates, { instance: namespace, dataDir: directory }));
    try {
      github.setWebhookUrl(berth.webhookUrl);
      github.ping();
      await github.deliveries.settled();
      assert.equal(github.deliveries.all.at(-1)?.statusCode, 202);
      const forged = { method: 'POST', body: '{}', headers: headersFor('{}', 'ping') };
      assert.equal((await fetch(berth.webhookUrl, forged)).status, 401);
    } finally {
      await berth.stop();
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('can be used with the keyboard alone, on a telephone too', async () => {
    await using setup = startSetupProcess([
      '--github-url',
      github.htmlUrl,
      '--output',
      join(tmpdir(), `${namespace}.yaml`),
    ]);
    const { page, complaints } = await openPage({ viewport: { width: 360, height: 740 } });
    await page.goto(await setup.address);
    const width = await page.evaluate('document.documentElement.scrollWidth');
    assert.equal(width, 360, 'the page is wider than the screen');
    await page.keyboard.press('Tab');
    await page.keyboard.type('berth.example.com');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.type('acme');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByText('any account').waitFor();
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360);
    await picture(page, '5-telephone');
    await page.goto(`${await setup.address}created?code=x&state=x`);
    await page.getByRole('alert').waitFor();
    await picture(page, '6-refused');
    assert.deepEqual(
      complaints.filter((text) => !text.includes('403')),
      [],
    );
  });
});
