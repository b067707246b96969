// Asks each Service of the release whether Berth is behind it. Run by `helm test`, in Berth's own image.
const questions = [
  // The server, which says whether it has Redis.
  { url: process.env.SERVER_URL, accepts: [200] },
  // The gateway knows no preview of that name, and says so itself.
  { url: process.env.GATEWAY_URL, accepts: [404] },
  { url: process.env.OPERATIONS_URL, accepts: [200] },
];

for (const { url, accepts } of questions) {
  const said = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(10_000) }).then(
    ({ status }) => status,
    (error) => String(error.cause ?? error),
  );
  const isWell = accepts.includes(said);
  console.log(`${isWell ? 'ok' : 'FAILED'}  ${url}: ${said}`);
  if (!isWell) process.exitCode = 1;
}
