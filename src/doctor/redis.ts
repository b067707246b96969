/** Whether Redis is fit to hold the queues. */
import { minimumVersion } from '../adapters/redis/server-check.ts';
import { type RedisSurvey, surveyRedis } from '../adapters/redis/survey.ts';
import { type Finding, note, ok, problem, warning } from './finding.ts';
import type { Check } from './run-checks.ts';
import { isOlder } from './version.ts';

/** The oldest that Berth's tests run with. */
const recommendedVersion = [7, 0] as const;
const slowMs = 20;
const fullShare = 0.8;

export function redisCheck(options: Parameters<typeof surveyRedis>[0]): Check {
  return {
    name: 'redis',
    timeoutMs: 15_000,
    todo: 'Check BERTH_REDIS_URL, and that this machine may connect to it.',
    async run(report, signal) {
      for (const finding of redisFindings(await surveyRedis(options, signal))) report(finding);
    },
  };
}

/** What is to be said of a server. */
export function redisFindings({ fields, snapshots, latencyMs, writeError }: RedisSurvey): readonly Finding[] {
  const version = fields.get('redis_version') ?? 'of unknown version';
  return [
    versionFinding(version, latencyMs),
    roleFinding(fields),
    evictionFinding(fields.get('maxmemory_policy')),
    writeError === undefined
      ? ok('takes writes')
      : problem(`refuses to store: ${writeError}`, writeTodo(fields, writeError)),
    persistenceFinding(fields.get('aof_enabled') === '1', snapshots),
    memoryFinding(Number(fields.get('used_memory') ?? 0), Number(fields.get('maxmemory') ?? 0)),
  ].filter((finding) => finding !== undefined);
}

function versionFinding(version: string, latencyMs: number): Finding {
  const seen = `Redis ${version} answers in ${latencyMs.toFixed(1)} ms`;
  if (isOlder(version, minimumVersion)) {
    return problem(
      seen,
      `Use Redis ${minimumVersion.join('.')} or later: BullMQ needs commands that this one does not have.`,
    );
  }
  if (isOlder(version, recommendedVersion))
    return warning(seen, 'Update to Redis 7 or later: Berth is not tested with older ones.');
  if (latencyMs > slowMs) return warning(seen, 'Put Redis nearer: every step of every preview asks it several times.');
  return ok(seen);
}

function roleFinding(fields: ReadonlyMap<string, string>): Finding | undefined {
  const role = fields.get('role');
  if (role === 'master' || role === undefined) return undefined;
  return problem(
    `is a replica of ${fields.get('master_host') ?? 'another'}`,
    'Point BERTH_REDIS_URL to the primary: a replica takes no writes.',
  );
}

function evictionFinding(policy: string | undefined): Finding {
  if (policy === 'noeviction') return ok('keeps what it was given (maxmemory-policy noeviction)');
  return problem(
    `may throw queued work away: maxmemory-policy is ${policy ?? 'unknown'}`,
    'Set `maxmemory-policy noeviction`, in its configuration and with CONFIG SET; Berth does not start without it.',
  );
}

/** The first word of an error reply is Redis' error code. */
function writeTodo(fields: ReadonlyMap<string, string>, error: string): string {
  const [code] = error.split(' ');
  if (code === 'OOM') return 'Raise maxmemory, or remove what others keep there.';
  if (code === 'NOPERM') return "Give Berth's user all commands on its keys and channels: `~{berth}* &* +@all`.";
  if (code === 'MISCONF')
    return `Give Redis a disk it can write (rdb_last_bgsave_status is ${fields.get('rdb_last_bgsave_status') ?? 'unknown'}).`;
  return 'Point BERTH_REDIS_URL to a primary that takes writes.';
}

function persistenceFinding(aof: boolean, snapshots: boolean | undefined): Finding {
  if (aof) return ok('writes everything to disk (AOF)');
  if (snapshots === undefined) return note('does not tell whether it saves to disk');
  if (snapshots) return ok('saves to disk from time to time (RDB)');
  return warning(
    'keeps nothing on disk: a restart forgets the queues and build logs',
    'Set `appendonly yes`; without it the sweep finds everything again, a little later.',
  );
}

function memoryFinding(used: number, max: number): Finding | undefined {
  const usedText = megabytes(used);
  if (max === 0) return ok(`uses ${usedText} of memory, without a limit of its own`);
  const seen = `uses ${usedText} of ${megabytes(max)} of memory`;
  if (used < max * fullShare) return ok(seen);
  return warning(seen, 'Raise maxmemory: when it is full, webhooks are refused until there is room.');
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024)} MiB`;
}
