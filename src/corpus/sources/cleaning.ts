import { CorpusError } from './../errors.ts';

/** Share of unreadable characters from which something is taken for no text at all. */
const BINARY_SHARE = 0.01;

/** Characters no text has: NUL and other controls, and U+FFFD, which decoding puts for invalid bytes. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const UNREADABLE = /[\u0000-\u0008\u000E-\u001A\u001C-\u001F\uFFFD]/g;

/** What people call some of them. */
const NAMES: Readonly<Record<number, string>> = {
  0: 'NUL',
  8: 'backspace',
  0x1a: 'end of file',
  0xfffd: 'an unreadable character',
};
const MOST_NAMED = 4;

/**
 * A text without a byte order mark and control characters, with line feeds between its lines, and a note that names what was left
 * out. Tabs, form feeds and escapes stay: they are white space or stand in texts of terminals.
 * @param name what the text is called in messages.
 * @throws CorpusError `binary-file` where more than one character in a hundred would be left out.
 */
export function cleanText(name: string, given: string): { text: string; notes: string[] } {
  const found = new Map<number, number>();
  let unreadable = 0;
  const kept = given.replace(UNREADABLE, (character) => {
    const code = character.charCodeAt(0);
    found.set(code, (found.get(code) ?? 0) + 1);
    unreadable++;
    return '';
  });
  if (unreadable > 1 && unreadable > given.length * BINARY_SHARE)
    throw new CorpusError(
      'binary-file',
      `${name} is not plain text (${unreadable} unreadable characters). Save it as .txt or .md in UTF-8 and try again.`,
    );
  const text = kept.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  if (unreadable === 0) return { text, notes: [] };
  const kinds = [...found].sort((a, b) => b[1] - a[1]);
  const named = kinds
    .slice(0, MOST_NAMED)
    .map(([code, count]) => `${nameOf(code)}, ${count === 1 ? 'once' : `${count} times`}`);
  const others = kinds.length > MOST_NAMED ? `; and ${kinds.length - MOST_NAMED} others` : '';
  return { text, notes: [`Left out of ${name}, since no text has them: ${named.join('; ')}${others}.`] };
}

function nameOf(code: number): string {
  const point = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  const name = NAMES[code];
  return name === undefined ? point : `${point} (${name})`;
}
