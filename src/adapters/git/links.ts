/** Linux gives up on a path after this many links. Source: man 7 path_resolution */
const maxLinks = 40;

/**
 * The first symbolic link that leads out of the tree, `undefined` when none does. Links are followed as the kernel
 * does, through one another, for `a/..` is not the folder of `a` when `a` is a link.
 *
 * @param links path to target, both relative to the root of the tree or as the link has it.
 */
export function escapingLink(links: ReadonlyMap<string, string>): string | undefined {
  for (const [path, target] of links) {
    if (leaves(links, path, target)) return path;
  }
  return undefined;
}

function leaves(links: ReadonlyMap<string, string>, path: string, target: string): boolean {
  const here = path.split('/').slice(0, -1);
  // Reversed, so that the next component is popped and a link's components are pushed.
  const ahead: string[] = [];
  let followed = 0;
  for (let next: string | undefined = target; next !== undefined; ) {
    followed += 1;
    // A loop, or a link that nobody can follow, leads nowhere.
    if (followed > maxLinks) return false;
    if (next.startsWith('/')) return true;
    ahead.push(...next.split('/').toReversed());
    next = undefined;
    while (next === undefined && ahead.length > 0) {
      const component = ahead.pop();
      if (component === '..') {
        if (here.length === 0) return true;
        here.pop();
      } else if (component && component !== '.') {
        next = links.get([...here, component].join('/'));
        if (next === undefined) here.push(component);
      }
    }
  }
  return false;
}
