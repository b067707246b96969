/** Whether the programs and the disk are there that Berth needs beside itself. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from '../process.ts';
import { ok, problem, type Report, warning } from './finding.ts';
import type { Check } from './run-checks.ts';
import { isOlder, versionIn } from './version.ts';

/** The first without CVE-2026-35206. Helm 3 knows no `--server-side`. */
const leastHelm = [4, 1, 4] as const;
/** The first that takes settings from its environment, where a token is out of sight. */
const minimumGit = [2, 31] as const;
const programTimeoutMs = 10_000;

const gibibyte = 1024 ** 3;
/** Below this, builds of middling repositories fail. */
const leastBytes = gibibyte / 2;
const comfortableBytes = 5 * gibibyte;

export function helmCheck(helmPath: string): Check {
  return {
    name: 'helm',
    timeoutMs: 15_000,
    todo: 'Let BERTH_HELM name the Helm program.',
    async run(report, signal) {
      const version = await outputOf(helmPath, ['version', '--template', '{{.Version}}'], signal);
      if (!isOlder(version, leastHelm)) return report(ok(`Helm ${versionIn(version)}`));
      const why = 'lacks what Berth asks of it, or has a known hole (CVE-2026-35206)';
      report(problem(`Helm ${version || 'of unknown version'} ${why}`, 'Install Helm 4.1.4 or later.'));
    },
  };
}

export function gitCheck(gitPath: string): Check {
  return {
    name: 'git',
    timeoutMs: 15_000,
    todo: 'Let BERTH_GIT name the git program.',
    async run(report, signal) {
      const version = await outputOf(gitPath, ['version'], signal);
      if (!isOlder(version, minimumGit)) return report(ok(`git ${versionIn(version)}`));
      report(problem(version, 'Install git 2.31 or later: older ones ignore the settings that Berth gives them.'));
    },
  };
}

export function dataCheck(directory: string): Check {
  return {
    name: 'data',
    timeoutMs: 15_000,
    todo: `Let ${directory} be a directory that Berth's user may write, or name another one in BERTH_DATA_DIR.`,
    async run(report) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const probe = path.join(directory, `doctor-${randomBytes(6).toString('hex')}`);
      try {
        await writeFile(probe, 'x');
      } finally {
        await rm(probe, { force: true });
      }
      const { bavail, bsize, ffree, files } = await statfs(directory);
      spaceFinding(directory, bavail * bsize, files === 0 ? 1 : ffree / files, report);
    },
  };
}

function spaceFinding(directory: string, freeBytes: number, freeInodes: number, report: Report): void {
  const seen = `${directory} has ${(freeBytes / gibibyte).toFixed(1)} GiB free`;
  const todo = 'Make room, or name another directory in BERTH_DATA_DIR: it holds a mirror of every repository.';
  if (freeInodes < 0.02) report(problem(`${directory} has hardly any inodes left`, todo));
  else if (freeBytes < leastBytes) report(problem(seen, todo));
  else if (freeBytes < comfortableBytes) report(warning(seen, todo));
  else report(ok(seen));
}

async function outputOf(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/nonexistent' };
  const { stdout } = await run(program, args, { signal, env, timeoutMs: programTimeoutMs });
  return stdout.trim();
}
