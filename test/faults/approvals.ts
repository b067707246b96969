/** Who has approved what: kept by those who watch, and by nothing that the program says. */
import type { PreviewKey } from '../../src/domain/preview.ts';
import type { FakeForge } from '../fakes/forge.ts';

export interface Approvals {
  /** Somebody writes exactly the command. @returns the comment's page. */
  command(key: PreviewKey, author: string, revision: string): string;
  /** Somebody changes the comment, so that it is nobody's word any more: to the command for the head, as an attacker would. */
  edit(key: PreviewKey, url: string): void;
  setRole(repositoryId: number, login: string, role: 'write' | 'read'): void;
  /** Whether anybody has approved the revision for this pull request so far who had the right at some time since. */
  wasApproved(key: PreviewKey, revision: string): boolean;
  /** For any pull request. */
  wasApprovedAnywhere(revision: string): boolean;
  /** Whether it may run now. */
  isApproved(key: PreviewKey, revision: string): boolean;
}

interface Command {
  readonly key: PreviewKey;
  readonly author: string;
  readonly revision: string;
  readonly url: string;
}

export function approvalsOn(forge: FakeForge): Approvals {
  let commands: readonly Command[] = [];
  const approved: Command[] = [];
  const isAbout = ({ key }: Command, { repositoryId, number }: PreviewKey) =>
    key.repositoryId === repositoryId && key.number === number;
  const count = () => {
    approved.push(...commands.filter(({ key, author }) => forge.hasRight(key.repositoryId, author)));
  };
  const among = (list: readonly Command[], key: PreviewKey, revision: string) =>
    list.filter((each) => isAbout(each, key) && each.revision === revision);

  return {
    command(key, author, revision) {
      const url = forge.people.comment(key, author, `/preview approve ${revision}`);
      commands = [...commands, { key, author, revision, url }];
      count();
      return url;
    },
    edit(key, url) {
      forge.people.editComment(key, url, `/preview approve ${forge.current(key)?.head.revision}`);
      commands = commands.filter((each) => each.url !== url);
    },
    setRole(repositoryId, login, role) {
      forge.people.setRole(repositoryId, login, role);
      count();
    },
    wasApproved: (key, revision) => among(approved, key, revision).length > 0,
    wasApprovedAnywhere: (revision) => approved.some((each) => each.revision === revision),
    isApproved(key, revision) {
      const recorded = forge.approvals(key).findLast((each) => each.revision === revision);
      const authors = among(commands, key, revision).map(({ author }) => author);
      return [...authors, ...(recorded ? [recorded.by] : [])].some((login) => forge.hasRight(key.repositoryId, login));
    },
  };
}
