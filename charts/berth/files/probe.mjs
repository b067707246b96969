// Asks each Service of the release whether Berth is behind it. Run by `helm test`, in Berth's own image.
import { setTimeout as delay } from 'node:timers/promises';

const questions = [
  // The server, which says whether it has Redis.
  { url: process.env.SERVER_URL, accepts: [200] },
  // The gateway knows no preview of that name, and says so itself.
  { url: process.env.GATEWAY_URL, accepts: [404] },
  { url: process.env.OPERATIONS_URL, accepts: [200] },
];
// Just after an installation, roles may still wait for Redis, and nodes learn of a Service's pods a moment after these are ready.
const endsAt = Date.now() + Number(process.env.PATIENCE_MS ?? 30_000);

for (const { url, accepts } of questions) {
  let said = await ask(url);
  while (!accepts.includes(said) && Date.now() < endsAt) {
    await delay(250);
    said = await ask(url);
  }
  const isWell = accepts.includes(said);
  console.log(`${isWell ? 'ok' : 'FAILED'}  ${url}: ${said}`);
  if (!isWell) process.exitCode = 1;
}

/** The status, or why there is none. */
async function ask(url) {
  return await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(10_000) }).then(
    ({ status }) => status,
    (error) => String(error.cause ?? error),
  );
}
