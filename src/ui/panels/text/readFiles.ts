import type { OwnText } from '../../state/readersText.svelte.ts';

/** The lab takes as much; larger files are not even read. */
const MAXIMUM_BYTES = 5 * 1024 * 1024;

/** UTF-16 is recognised by its byte order mark; anything else is read as UTF-8, and the lab says so when it is not text. */
export function decode(bytes: Uint8Array): string {
  const [a, b] = bytes;
  const encoding = a === 0xff && b === 0xfe ? 'utf-16le' : a === 0xfe && b === 0xff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}

/** What several files are called together: "notes.md and 2 more". */
export function titleOf(names: readonly string[]): string {
  const [first = '', ...others] = names;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

/** Files become one text; a line of --- between them makes each a document of its own. */
export function joinFiles(contents: readonly string[]): string {
  return contents.join('\n\n---\n\n');
}

/** @throws Error for people when the files are too large together, or one is no text (then the lab need not be asked). */
export async function readFiles(files: readonly File[]): Promise<OwnText> {
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  const title = titleOf(files.map(({ name }) => name));
  if (bytes > MAXIMUM_BYTES) {
    throw new Error(
      `${title}: ${(bytes / 1024 / 1024).toFixed(1)} MB. The limit is 5 MB: use a part of it. The text you had before is kept.`,
    );
  }
  const contents = await Promise.all(files.map(async (file) => decode(new Uint8Array(await file.arrayBuffer()))));
  const binary = files[contents.findIndex((content) => content.includes('\0'))];
  if (binary) {
    throw new Error(
      `${binary.name} is not plain text. Save it as .txt or .md in UTF-8 and try again. The text you had before is kept.`,
    );
  }
  return { title, content: joinFiles(contents) };
}
