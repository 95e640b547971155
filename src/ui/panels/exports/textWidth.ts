/**
 * How wide text is, in a picture that may be drawn where no font can be measured: by classes of letters, as wide as common sans-serif
 * fonts have them or a little wider, so that what is said to fit does.
 */
const NARROW = /[iljtfrI.,;:'|!()[\]\s·]/;
const WIDE = /[mwMW@%—…]/;
const UPPER = /[\p{Lu}&]/u;
const FULL = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Extended_Pictographic}]/u;

/** Width of a line of text at this size of type, in units of the picture. */
export function textWidth(text: string, size: number): number {
  let width = 0;
  for (const letter of text) width += widthOf(letter);
  return width * size;
}

/**
 * Text broken at white space into lines of at most `width`; what does not go into so many lines ends in an ellipsis. A word that is
 * longer than a line is broken.
 */
export function wrapped(text: string, size: number, width: number, most: number): string[] {
  const lines: string[] = [];
  let rest = text.replace(/\s+/g, ' ').trim();
  while (rest !== '' && lines.length < most) {
    const fits = fitting(rest, size, width);
    if (fits === rest.length) return [...lines, rest];
    if (lines.length === most - 1) {
      const cut = rest.slice(0, fitting(rest, size, width - textWidth('…', size)));
      return [...lines, `${cut.trimEnd()}…`];
    }
    const space = rest.lastIndexOf(' ', fits);
    const end = space > 0 ? space : fits;
    lines.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return lines;
}

/** How many characters of a text go into a line: one at least. */
function fitting(text: string, size: number, width: number): number {
  let end = 0;
  let taken = 0;
  for (const letter of text) {
    taken += widthOf(letter) * size;
    if (taken > width && end > 0) return end;
    end += letter.length;
  }
  return end;
}

function widthOf(letter: string): number {
  if (NARROW.test(letter)) return 0.39;
  if (WIDE.test(letter)) return 0.98;
  if (FULL.test(letter)) return 1;
  return UPPER.test(letter) ? 0.75 : 0.63;
}
