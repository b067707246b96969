import { randomBytes } from 'node:crypto';
import { created, notFound } from '../http/answer.ts';
import type { Call, Route } from '../http/route.ts';
import { newPrivateKey, redeem } from '../operations/new-apps.ts';
import { appResource } from '../resources/account.ts';

export const newAppRoutes: readonly Route[] = [
  { operation: 'apps/create-from-manifest', caller: 'anyone', handle: convert },
];

/** From here on the simulator's app is the new one: its credentials are the ones that GitHub knows. */
async function convert(call: Call) {
  const { world, webhooks } = call;
  const given = redeem(world, String(call.params['code']));
  if (given === undefined) throw notFound();
  const privateKey = await newPrivateKey();
  const webhookSecret = randomBytes(20).toString('hex');
  const { app, webhookUrl, description, homeUrl } = given;
  world.adopt(app, privateKey);
  webhooks.secret = webhookSecret;
  webhooks.url = webhookUrl;
  return created({
    ...appResource(world, app),
    description,
    external_url: homeUrl,
    client_secret: randomBytes(20).toString('hex'),
    webhook_secret: webhookUrl === undefined ? null : webhookSecret,
    pem: privateKey,
  });
}
