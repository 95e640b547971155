/** What a line of a text is by itself. Fences and titles underlined depend on the lines around it. */
type Line =
  | { readonly kind: 'blank' | 'text' }
  | { readonly kind: 'heading'; readonly level: number; readonly text: string }
  /** `mark`: -, *, _ or =. `isSolid`: without spaces in between, so that it may underline a title. */
  | { readonly kind: 'rule'; readonly mark: string; readonly isSolid: boolean }
  /** `isBare`: nothing after the marks, so that it may close a fence. */
  | { readonly kind: 'fence'; readonly mark: string; readonly length: number; readonly isBare: boolean };

/** A part of a text between blank lines, headings and rules. */
export interface Block {
  readonly kind: 'text' | 'heading' | 'rule';
  /** A heading without its marks; lines of a text joined by line feeds; '' for a rule. */
  readonly text: string;
  /** Where it begins in the text, in UTF-16 units. */
  readonly at: number;
  /** Blank lines before it. */
  readonly gap: number;
  /** Whether it begins with a fenced stretch (``` or ~~~), in which nothing is a heading or a rule. */
  readonly isFenced: boolean;
}

/** A text as blocks, and the title that its front matter gives. */
export interface ScannedText {
  readonly blocks: readonly Block[];
  readonly title: string | undefined;
}

const TAB = 9;
const SPACE = 32;
const HASH = 35;
const RULE_MARKS = '-*_=';
const FENCE_MARKS = '`~';
const MOST_HEADING_MARKS = 6;
/** From this indentation on a line is code. */
const CODE_INDENT = 4;
const SHORTEST_RULE = 3;
/** A title that is underlined is one line of at most this many characters. */
const LONGEST_TITLE = 100;
/** Front matter of more lines than this is a text between two rules. */
const LONGEST_FRONT_MATTER = 200;

function isWhite(code: number): boolean {
  return code === SPACE || (code >= TAB && code <= 13) || code === 0xa0 || code === 0xfeff;
}

/** The place after the run of `mark` that begins at `from`. */
function endOfRun(line: string, from: number, mark: string): number {
  let end = from;
  while (end < line.length && line[end] === mark) end++;
  return end;
}

function lineOf(line: string): Line {
  let indent = 0;
  while (indent < line.length && isWhite(line.charCodeAt(indent))) indent++;
  if (indent === line.length) return { kind: 'blank' };
  const mark = line[indent] ?? '';
  if (FENCE_MARKS.includes(mark)) {
    const end = endOfRun(line, indent, mark);
    const isInline = mark === '`' && line.includes('`', end);
    if (end - indent >= SHORTEST_RULE && !isInline)
      return { kind: 'fence', mark, length: end - indent, isBare: line.slice(end).trim() === '' };
  }
  if (RULE_MARKS.includes(mark)) return ruleOf(line, indent, mark) ?? { kind: 'text' };
  if (mark === '#' && indent < CODE_INDENT) return headingOf(line, indent) ?? { kind: 'text' };
  return { kind: 'text' };
}

/** Three or more of one mark, with nothing but white space between them (none between equals signs). */
function ruleOf(line: string, from: number, mark: string): Line | undefined {
  const end = line.trimEnd().length;
  let marks = 0;
  for (let i = from; i < end; i++) {
    if (line[i] === mark) marks++;
    else if (!isWhite(line.charCodeAt(i))) return undefined;
  }
  const isSolid = marks === end - from;
  if (marks < SHORTEST_RULE || (mark === '=' && !isSolid)) return undefined;
  return { kind: 'rule', mark, isSolid };
}

/** One to six # and white space, then the heading, which more # may close. */
function headingOf(line: string, from: number): Line | undefined {
  const marksEnd = endOfRun(line, from, '#');
  const level = marksEnd - from;
  if (level > MOST_HEADING_MARKS) return undefined;
  if (marksEnd < line.length && !isWhite(line.charCodeAt(marksEnd))) return undefined;
  const text = line.slice(marksEnd).trim();
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === HASH) end--;
  const isClosed = end === 0 || (end < text.length && isWhite(text.charCodeAt(end - 1)));
  return { kind: 'heading', level, text: oneSpaced(isClosed ? text.slice(0, end) : text) };
}

function oneSpaced(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** Whether a line can be a title when the next one underlines it: a sentence or an item of a list is followed by a rule instead. */
function canBeTitle(line: string): boolean {
  const text = line.trim();
  return (
    text.length > 0 && text.length <= LONGEST_TITLE && !/[.,;:]$/.test(text) && !/^([-*+>|]|\d+[.)])(\s|$)/.test(text)
  );
}

/**
 * Cuts a text into blocks, line by line: each line is looked at once (twice after a fence that is never closed, which is no fence),
 * so that the time is in proportion to the length. Known are headings (# and underlined by === or ---), rules (---, ***, ___, ===,
 * also spaced), fences of any length with all that is in them, and YAML front matter, which is left out.
 * @param text with line feeds between lines.
 */
export function scanText(text: string): ScannedText {
  const front = frontMatter(text);
  return { blocks: new Scanner(text).scan(front.end), title: front.title };
}

class Scanner {
  private readonly blocks: Block[] = [];
  /** The text block that is being read: where it begins and ends, how many lines it has. */
  private start = 0;
  private end = 0;
  private lines = 0;
  private isFenced = false;
  private gap = 0;
  private knowsFences = true;

  constructor(private readonly text: string) {}

  scan(from: number): Block[] {
    for (let at = from; at < this.text.length;) {
      const end = this.lineEnd(at);
      const line = this.text.slice(at, end);
      const found = lineOf(line);
      at = found.kind === 'fence' && this.knowsFences ? this.fence(at, end, found) : this.line(at, end, line, found);
    }
    this.flush();
    return this.blocks;
  }

  private lineEnd(at: number): number {
    const end = this.text.indexOf('\n', at);
    return end < 0 ? this.text.length : end;
  }

  private line(at: number, end: number, line: string, found: Line): number {
    switch (found.kind) {
      case 'blank':
        this.flush();
        this.gap++;
        break;
      case 'heading':
        this.flush();
        this.push({ kind: 'heading', text: found.text, at });
        break;
      case 'rule':
        if (found.isSolid && (found.mark === '-' || found.mark === '=') && this.isTitle()) this.underline();
        else {
          this.flush();
          this.push({ kind: 'rule', text: '', at });
        }
        break;
      case 'text':
      case 'fence':
        this.take(at, end);
        break;
    }
    return end + 1;
  }

  /** A fence with all lines up to the one that closes it, as lines of one block. */
  private fence(at: number, end: number, { mark, length }: Line & { kind: 'fence' }): number {
    for (let next = end + 1; next < this.text.length;) {
      const nextEnd = this.lineEnd(next);
      const found = lineOf(this.text.slice(next, nextEnd));
      if (found.kind === 'fence' && found.isBare && found.mark === mark && found.length >= length) {
        this.take(at, nextEnd, true);
        return nextEnd + 1;
      }
      next = nextEnd + 1;
    }
    // Never closed: were it to hide the rest, one stray mark would cost every heading after it.
    this.knowsFences = false;
    this.take(at, end);
    return end + 1;
  }

  private take(at: number, end: number, isFenced = false): void {
    if (this.lines === 0) {
      this.start = at;
      this.isFenced = isFenced;
    }
    this.lines++;
    this.end = end;
  }

  /** Whether the block so far is one line that may be a title. */
  private isTitle(): boolean {
    return this.lines === 1 && !this.isFenced && canBeTitle(this.text.slice(this.start, this.end));
  }

  private underline(): void {
    this.push({ kind: 'heading', text: oneSpaced(this.text.slice(this.start, this.end)), at: this.start });
    this.lines = 0;
  }

  private flush(): void {
    if (this.lines === 0) return;
    const text = this.text.slice(this.start, this.end).trimEnd();
    const trimmed = text.trimStart();
    this.push({ kind: 'text', text: trimmed, at: this.start + text.length - trimmed.length }, this.isFenced);
    this.lines = 0;
  }

  private push(block: Pick<Block, 'kind' | 'text' | 'at'>, isFenced = false): void {
    this.blocks.push({ ...block, gap: this.gap, isFenced });
    this.gap = 0;
  }
}

/**
 * YAML between two lines of --- at the very beginning: where the text goes on after it, and the title it gives. Only lines that YAML
 * may have count (keys, items, comments, indented ones), with one key at least; anything else is a text after a rule.
 */
function frontMatter(text: string): { end: number; title: string | undefined } {
  const none = { end: 0, title: undefined };
  if (!/^---[ \t]*\n/.test(text.slice(0, 64))) return none;
  let title: string | undefined;
  let keys = 0;
  let at = text.indexOf('\n') + 1;
  for (let lines = 0; lines < LONGEST_FRONT_MATTER && at < text.length; lines++) {
    const found = text.indexOf('\n', at);
    const end = found < 0 ? text.length : found;
    const line = text.slice(at, end).trimEnd();
    at = end + 1;
    if (line === '---' || line === '...') return keys > 0 ? { end: Math.min(at, text.length), title } : none;
    const [, key, value = ''] = /^([\w$-][\w $.-]{0,60}):(?:\s(.*))?$/.exec(line.slice(0, 400)) ?? [];
    if (key !== undefined) {
      keys++;
      if (key.toLowerCase() === 'title') title = unquoted(value) || undefined;
    } else if (line !== '' && !/^(\s|#|-(\s|$)|[\]}])/.test(line.slice(0, 4))) return none;
  }
  return none;
}

function unquoted(value: string): string {
  const text = value.trim();
  const [, inner] = /^"(.*)"$/.exec(text) ?? /^'(.*)'$/.exec(text) ?? [];
  return (inner ?? text).trim();
}
