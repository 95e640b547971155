import { Parser } from 'htmlparser2';
import { CorpusError } from '../../errors.ts';
import type { ReadFile } from './reader.ts';
import { readPlainText, windows1252 } from './plainText.ts';

/** What is in these is not read: it is not shown, or stands around the text on every page. */
const LEFT_OUT = new Set(
  'script style noscript template svg math canvas iframe object head nav header footer aside form button select textarea dialog'.split(
    ' ',
  ),
);
/** A page without these has its text in the whole body; one with them, there only. */
const MAIN = new Set(['main', 'article']);
/** Begin and end a paragraph. */
const PARAGRAPHS = new Set(
  'p div section article main body ul ol dl table tr blockquote figure figcaption address details summary dd dt center'.split(
    ' ',
  ),
);
const HEADINGS = new Set(['h1', 'h2', 'h3', 'h4', 'h5', 'h6']);

/** Gathers the text of a page as Markdown has it: headings with #, paragraphs between blank lines, code in fences. */
class PageText {
  private readonly blocks: string[] = [];
  private line = '';
  /** How many elements that are left out are open. */
  private hidden = 0;
  private code = 0;
  private heading = 0;
  private mains = 0;
  private inTitle = false;
  title = '';
  /** The blocks that stand in <main> or <article>. */
  private readonly main: string[] = [];

  open(tag: string): void {
    if (tag === 'title' && this.title === '') this.inTitle = true;
    if (LEFT_OUT.has(tag)) {
      // The header of an article holds its heading.
      if ((tag === 'header' || tag === 'footer') && this.mains > 0) return this.flush();
      this.hidden++;
    }
    if (this.hidden > 0) return;
    if (HEADINGS.has(tag)) {
      this.flush();
      this.heading = Number(tag[1]);
    } else if (tag === 'pre') {
      this.flush();
      this.code++;
    } else if (tag === 'br') this.line += this.code > 0 ? '\n' : ' ';
    else if (tag === 'hr') {
      this.flush();
      this.add('---');
    } else if (tag === 'li') {
      this.flush('\n');
      this.line = '- ';
    } else if (tag === 'td' || tag === 'th') this.line += ' ';
    else if (PARAGRAPHS.has(tag)) this.flush();
    if (MAIN.has(tag)) this.mains++;
  }

  close(tag: string): void {
    if (tag === 'title') this.inTitle = false;
    if (LEFT_OUT.has(tag)) {
      if ((tag === 'header' || tag === 'footer') && this.mains > 0 && this.hidden === 0) return this.flush();
      this.hidden = Math.max(0, this.hidden - 1);
      return;
    }
    if (this.hidden > 0) return;
    if (HEADINGS.has(tag)) this.flush();
    else if (tag === 'pre') {
      this.flush();
      this.code = Math.max(0, this.code - 1);
    } else if (PARAGRAPHS.has(tag) || tag === 'li') this.flush(tag === 'li' ? '\n' : undefined);
    if (MAIN.has(tag)) this.mains = Math.max(0, this.mains - 1);
  }

  take(text: string): void {
    if (this.inTitle) this.title += text;
    if (this.hidden > 0 || this.inTitle) return;
    this.line += this.code > 0 ? text : text.replace(/\s+/g, ' ');
  }

  done(): string {
    this.flush();
    const found = this.main.length > 0 ? this.main : this.blocks;
    return found.join('').trim();
  }

  /** Ends what is being gathered. @param end what stands after it: items of a list are lines of one paragraph. */
  private flush(end = '\n\n'): void {
    const { line, heading } = this;
    this.line = '';
    this.heading = 0;
    if (this.code > 0) {
      if (line.trim() !== '') this.add(fenced(line), '\n\n');
      return;
    }
    const text = line.trim();
    if (text === '' || text === '-') return;
    this.add(heading > 0 ? `${'#'.repeat(heading)} ${text}` : text, end);
  }

  private add(block: string, end = '\n\n'): void {
    const isItem = end === '\n';
    const isAfterItem = this.blocks.at(-1)?.endsWith('\n\n') === false;
    const text = (isAfterItem && !isItem ? '\n' : '') + block + end;
    this.blocks.push(text);
    if (this.mains > 0) this.main.push(text);
  }
}

/** A fence longer than any run of ticks in the code. */
function fenced(code: string): string {
  const longest = (code.match(/`+/g) ?? []).reduce((most, { length }) => Math.max(most, length), 2);
  const marks = '`'.repeat(longest + 1);
  return `${marks}\n${code.replace(/^\n+|\s+$/g, '')}\n${marks}`;
}

/** A page's own word on its encoding, where its bytes have none. */
function declaredEncoding(bytes: Uint8Array): string | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 1024));
  return /<meta[^>]{0,200}charset\s*=\s*["']?([\w-]{1,40})/i.exec(start)?.[1];
}

function decode(name: string, bytes: Uint8Array): ReadFile {
  const declared = declaredEncoding(bytes);
  if (declared !== undefined && !/^utf-?8$/i.test(declared)) {
    try {
      const decoder = new TextDecoder(declared);
      const isLatin = decoder.encoding === 'windows-1252' || decoder.encoding === 'iso-8859-1';
      return { text: isLatin ? windows1252(bytes) : decoder.decode(bytes), notes: [] };
    } catch {
      // A name that nobody knows: its bytes must say.
    }
  }
  return readPlainText(name, bytes);
}

/**
 * The text of a page: its headings, paragraphs, lists and code, without scripts, styles and what stands around it (navigation, header,
 * footer, forms). Where it marks its main part, only that. @throws CorpusError `binary-file`, `unreadable-file` for a page without text.
 */
export function readHtml(name: string, bytes: Uint8Array): ReadFile {
  const { text: source, notes } = decode(name, bytes);
  const page = new PageText();
  const parser = new Parser(
    {
      onopentagname: (tag) => page.open(tag),
      onclosetag: (tag) => page.close(tag),
      ontext: (text) => page.take(text),
    },
    { decodeEntities: true, lowerCaseTags: true },
  );
  parser.write(source);
  parser.end();
  const text = page.done();
  if (text === '')
    throw new CorpusError(
      'unreadable-file',
      `${name} holds no text: it may be made by scripts when it is shown. Open it in a browser, and paste what it shows.`,
    );
  const title = page.title.replace(/\s+/g, ' ').trim();
  // A page that has no heading of its own is called what its window is.
  return { text: title !== '' && !/^#{1,2} /m.test(text) ? `# ${title}\n\n${text}` : text, notes };
}
