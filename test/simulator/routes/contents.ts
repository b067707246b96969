import type { FileEntry } from '../git/objects.ts';
import type { Repository } from '../world/entities.ts';
import { fullName, type World } from '../world/world.ts';
import { type Answer, notFound, ok } from '../http/answer.ts';
import { type Call, repositoryOf } from '../http/route.ts';
import { resolveRef } from './commits.ts';

/** A file or the entries of a directory, as they are at `ref`, by default on the default branch. */
export function readContents(call: Call): Answer {
  const repository = repositoryOf(call);
  const ref = String(call.query['ref'] ?? repository.defaultBranch);
  const sha = resolveRef(repository, ref);
  if (sha === undefined) throw notFound();
  const path = String(call.params['path'] ?? '').replace(/^\/+|\/+$/g, '');
  const { files } = repository.history.get(sha);
  const entry = files.get(path);
  if (entry) return file(call, repository, ref, path, entry);
  const children = new Map<string, FileEntry | 'directory'>();
  const prefix = path === '' ? '' : `${path}/`;
  for (const [name, each] of files) {
    if (!name.startsWith(prefix)) continue;
    const [child = '', ...below] = name.slice(prefix.length).split('/');
    children.set(child, below.length > 0 ? 'directory' : each);
  }
  if (children.size === 0) throw notFound();
  const entries = [...children].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return ok(entries.map(([name, each]) => listed(call.world, repository, ref, prefix + name, each)));
}

function file(call: Call, repository: Repository, ref: string, path: string, entry: FileEntry): Answer {
  const content = repository.history.blobs.get(entry.sha) ?? Buffer.alloc(0);
  if (/\braw\b/.test(call.accept)) {
    return { status: 200, text: { type: 'application/vnd.github.raw+json; charset=utf-8', content } };
  }
  const described = listed(call.world, repository, ref, path, entry);
  if (entry.mode === '120000') return ok({ ...described, target: content.toString('utf8') });
  // GitHub leaves the content out above 1 MB: only the raw form has it then.
  const large = content.length > 1_048_576;
  const encoded = large ? '' : content.toString('base64').replaceAll(/.{60}/g, '$&\n');
  return ok({ ...described, content: encoded, encoding: large ? 'none' : 'base64' });
}

function listed(world: World, repository: Repository, ref: string, path: string, entry: FileEntry | 'directory') {
  const directory = entry === 'directory';
  const sha = directory ? '0'.repeat(40) : entry.sha;
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const api = world.api(`/repos/${fullName(repository)}`);
  const self = `${api}/contents/${encoded}?ref=${encodeURIComponent(ref)}`;
  const git = `${api}/git/${directory ? 'trees' : 'blobs'}/${sha}`;
  const html = world.html(
    `/${fullName(repository)}/${directory ? 'tree' : 'blob'}/${encodeURIComponent(ref)}/${encoded}`,
  );
  return {
    name: path.slice(path.lastIndexOf('/') + 1),
    path,
    sha,
    size: directory ? 0 : (repository.history.blobs.get(entry.sha)?.length ?? 0),
    url: self,
    html_url: html,
    git_url: git,
    download_url: directory ? null : world.html(`/${fullName(repository)}/raw/${encodeURIComponent(ref)}/${encoded}`),
    type: directory ? 'dir' : entry.mode === '120000' ? 'symlink' : 'file',
    _links: { self, git, html },
  };
}
