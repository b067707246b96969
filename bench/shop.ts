/** The application that both sides run, and what is changed in it. */
import { join } from 'node:path';
import { examples } from '../test/e2e/world.ts';

/** Two images, a chart, and a Redis beside them. */
export const shopFolder = join(examples, 'shop');

/** The images in the order in which a person builds them; each one's context is the folder of that name. */
export const shopImages = ['web', 'api'] as const;

type Changes = Readonly<Record<string, string>>;

/** Makes both images differ from every other one ever built, so that nobody profits from somebody else's layers. */
export function bothImagesChanged(word: string): Changes {
  return { 'web/site/word.txt': `${word}\n`, 'api/site/word.txt': `${word}\n` };
}

/** One file of one image. */
export function codeChanged(word: string): Changes {
  return { 'web/site/word.txt': `${word}, changed\n` };
}

/** Nothing that is in an image or in the chart. */
export function wordsChanged(word: string): Changes {
  return { 'README.md': `${word}\n` };
}
