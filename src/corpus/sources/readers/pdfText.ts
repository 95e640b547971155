/** A stretch of text as it stands on a page; y grows upwards. */
export interface PageItem {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** Height of its letters. */
  readonly size: number;
  /** Whether a line ends after it, as far as the file says. */
  readonly endsLine: boolean;
}

/** A line of a page. */
interface PageLine {
  readonly text: string;
  readonly page: number;
  readonly x: number;
  readonly y: number;
  readonly right: number;
  readonly size: number;
}

/** Stretches whose heights differ by less than this share of a letter are on one line. */
const SAME_LINE = 0.5;
/** A gap of this share of a letter is a space. */
const SPACE = 0.15;
/** Lines further apart than this many times the usual distance are of two paragraphs. */
const WIDE_LEADING = 1.3;
/** Letters that differ in size by more than this share are of two paragraphs. */
const OTHER_SIZE = 0.08;
/** A first line that stands in by more than this many letters begins a paragraph. */
const INDENT = 0.9;
/** A line that ends a sentence and stops this share of the width before the margin ends a paragraph. */
const EARLY_END = 0.15;
/** Letters larger than the text's by this factor are a heading, unless they go on and on. */
const HEADING = 1.15;
const LARGE_HEADING = 1.5;
const LONGEST_HEADING = 200;
/** What stands first or last on this many pages, but for its digits, runs along with them. */
const RUNNING_PAGES = 3;

/** Lines of a page, in the order in which the file has them. */
function linesOf(items: readonly PageItem[], page: number): PageLine[] {
  const lines: PageLine[] = [];
  let open: { text: string; x: number; y: number; right: number; size: number } | undefined;
  const close = (): void => {
    if (open && open.text.trim() !== '') lines.push({ ...open, text: open.text.replace(/\s+/g, ' ').trim(), page });
    open = undefined;
  };
  for (const { text, x, y, width, size, endsLine } of items) {
    const isOther =
      open !== undefined && text.trim() !== '' && Math.abs(y - open.y) > SAME_LINE * Math.max(size, open.size);
    if (isOther) close();
    if (text !== '') {
      open ??= { text: '', x, y, right: x, size };
      if (x - open.right > SPACE * size && !open.text.endsWith(' ')) open.text += ' ';
      open.text += text;
      open.right = Math.max(open.right, x + width);
      if (text.trim() !== '') open.size = Math.max(open.size, size);
    }
    if (endsLine) close();
  }
  close();
  return lines;
}

/** All lines but page numbers, what stands at the head or foot of page after page, and tables of contents. */
function withoutRunning(pages: readonly (readonly PageLine[])[]): PageLine[] {
  const edges = pages.map((lines) => {
    const sorted = lines.toSorted((a, b) => b.y - a.y);
    return [sorted[0], sorted.at(-1)].filter((line): line is PageLine => line !== undefined);
  });
  const patternOf = ({ text }: PageLine): string => text.replace(/\d+/g, '#');
  const counts = new Map<string, number>();
  for (const lines of edges)
    for (const pattern of new Set(lines.map(patternOf))) counts.set(pattern, (counts.get(pattern) ?? 0) + 1);
  const isRunning = (line: PageLine): boolean =>
    (counts.get(patternOf(line)) ?? 0) >= RUNNING_PAGES ||
    /^\W*(page )?(\d+|[ivxlc]+)( (of|\/) \d+)?\W*$/i.test(line.text);
  const dropped = new Set(pages.length > 1 ? edges.flat().filter(isRunning) : []);
  return pages.flat().filter((line) => !dropped.has(line) && !isLeader(line.text));
}

/** The value that most of the text has: each line counts by its letters. */
function commonest(lines: readonly PageLine[], valueOf: (line: PageLine) => number): number {
  const weights = new Map<number, number>();
  for (const line of lines) weights.set(valueOf(line), (weights.get(valueOf(line)) ?? 0) + line.text.length);
  let best = 0;
  let most = -1;
  for (const [value, weight] of weights) if (weight > most) [best, most] = [value, weight];
  return best;
}

const rounded = (size: number): number => Math.round(2 * size) / 2;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

const endsSentence = (text: string): boolean => /[.!?…:]["”’')\]]*$/.test(text);
const isItem = (text: string): boolean => /^[•‣◦▪–·]\s/.test(text);
/** A line of a table of contents: dots lead to the number of a page. */
const isLeader = (text: string): boolean => /(?:\.\s?){6}\s*\d+$/.test(text.slice(-40));
const endsWithHyphen = (text: string): boolean => /\p{L}[-\u2010\u00AD]$/u.test(text);
const beginsSmall = (text: string): boolean => /^\p{Ll}/u.test(text);

/** Usual numbers of a document's text. */
interface Measures {
  readonly size: number;
  readonly leading: number;
  /** Where lines begin and end. */
  readonly left: number;
  readonly right: number;
}

function measure(lines: readonly PageLine[]): Measures {
  const size = commonest(lines, (line) => rounded(line.size));
  const text = lines.filter((line) => rounded(line.size) === size);
  const distances = text.flatMap((line, i) => {
    const next = text[i + 1];
    const distance = next?.page === line.page ? line.y - next.y : 0;
    return distance > 0.5 * size && distance < 4 * size ? [distance] : [];
  });
  return {
    size,
    leading: median(distances) || 1.2 * size,
    left: commonest(text, (line) => Math.round(line.x)),
    right: commonest(text, (line) => Math.round(line.right / 4) * 4),
  };
}

/** Whether a paragraph begins with `line`, after `before`. */
function beginsParagraph(before: PageLine, line: PageLine, { size, leading, right }: Measures): boolean {
  if (Math.abs(line.size - before.size) > OTHER_SIZE * Math.max(line.size, before.size)) return true;
  if (endsWithHyphen(before.text) && beginsSmall(line.text)) return false;
  const distance = before.y - line.y;
  const isBelow = line.page === before.page && distance > 0;
  // Over to the next column or page: a sentence that is not at its end goes on.
  if (!isBelow) return endsSentence(before.text) || !beginsSmall(line.text);
  if (distance > WIDE_LEADING * leading * Math.max(1, line.size / size)) return true;
  if (isItem(line.text)) return true;
  // The lines of an item stand in under its first one.
  if (line.x - before.x > INDENT * size) return !isItem(before.text);
  return endsSentence(before.text) && before.right < right - EARLY_END * (right - before.x);
}

/** Joins lines; a hyphen at a line's end goes where the word goes on in small letters. */
function joined(lines: readonly PageLine[]): string {
  let text = '';
  for (const line of lines) {
    if (endsWithHyphen(text) && beginsSmall(line.text)) text = text.slice(0, -1) + line.text;
    else text += (text === '' ? '' : ' ') + line.text;
  }
  // Typographers' ligatures, and hyphens that only show where a word may break.
  return text.replace(/[\uFB00-\uFB06]/g, (ligature) => ligature.normalize('NFKC')).replaceAll('\u00AD', '');
}

/**
 * The text of pages as Markdown has it: paragraphs by the gaps between lines and by indents, larger letters as headings, words put
 * together that were broken at a line's end; without page numbers, what runs along at the head and foot, and the dots of a table of contents.
 */
export function textOfPages(pages: readonly (readonly PageItem[])[]): string {
  const lines = withoutRunning(pages.map(linesOf));
  const measures = measure(lines);
  const paragraphs: PageLine[][] = [];
  for (const line of lines) {
    const open = paragraphs.at(-1);
    const before = open?.at(-1);
    if (open && before && !beginsParagraph(before, line, measures)) open.push(line);
    else paragraphs.push([line]);
  }
  return paragraphs.map((paragraph) => headed(joined(paragraph), paragraph, measures.size)).join('\n\n');
}

function headed(text: string, lines: readonly PageLine[], size: number): string {
  const smallest = Math.min(...lines.map((line) => line.size));
  if (smallest < HEADING * size || text.length > LONGEST_HEADING || !/\p{L}/u.test(text)) return text;
  return `${smallest >= LARGE_HEADING * size ? '#' : '##'} ${text}`;
}
