import { requireInteger } from './errors.ts';
import { segments } from './segments.ts';

/** How long a text is, in tokens. */
export type TokenCounter = (text: string) => number;

/** Below this a single character may not fit (four UTF-8 bytes, a token each, and some room). */
export const MINIMUM_CHUNK_TOKENS = 8;

/** A token is rarely longer than this many characters, so longer texts are split before they are counted. */
const CHARACTERS_PER_TOKEN = 16;

/** Words that do not fit are cut into cells of this many characters, which are then packed like words. */
const CELL_CHARACTERS = 8;

/** A last chunk shorter than this share of the budget takes sentences from the one before. */
const SHORT_TAIL = 0.25;

/** A piece that stays whole: a sentence, a word of a long sentence, a few characters of a long word. */
interface Atom {
  readonly text: string;
  /** What stands before it in the text. */
  readonly glue: '' | ' ';
  /** Length with or without the glue, whichever is more. */
  readonly tokens: number;
}

/** Characters as people see them; plain ASCII needs no segmenter for that. */
function charactersOf(word: string): Iterable<string> {
  return /^[!-~]*$/.test(word) ? word : segments(word, 'grapheme');
}

/** Cuts text into atoms within the budget, at the coarsest of sentence, word, cell, character that fits. */
class Atomizer {
  constructor(
    private readonly maxTokens: number,
    private readonly count: TokenCounter,
  ) {}

  *paragraph(paragraph: string): Generator<Atom> {
    let glue: Atom['glue'] = ' ';
    for (const segment of segments(paragraph, 'sentence')) {
      const sentence = segment.trim();
      if (sentence !== '') yield* this.sentence(sentence, segment.startsWith(' ') ? ' ' : glue);
      glue = segment.endsWith(' ') ? ' ' : '';
    }
  }

  private fit(text: string, glue: Atom['glue']): Atom | undefined {
    if (text.length > this.maxTokens * CHARACTERS_PER_TOKEN) return undefined;
    const tokens = glue === '' ? this.count(text) : Math.max(this.count(text), this.count(glue + text));
    return tokens <= this.maxTokens ? { text, glue, tokens } : undefined;
  }

  private *sentence(sentence: string, glue: Atom['glue']): Generator<Atom> {
    const whole = this.fit(sentence, glue);
    if (whole) {
      yield whole;
      return;
    }
    let before = glue;
    for (const word of sentence.split(' ')) {
      yield* this.word(word, before);
      before = ' ';
    }
  }

  private *word(word: string, glue: Atom['glue']): Generator<Atom> {
    const whole = this.fit(word, glue);
    if (whole) {
      yield whole;
      return;
    }
    let before = glue;
    let cell: string[] = [];
    for (const segment of charactersOf(word)) {
      cell.push(segment);
      if (cell.length < CELL_CHARACTERS) continue;
      yield* this.cell(cell, before);
      before = '';
      cell = [];
    }
    if (cell.length > 0) yield* this.cell(cell, before);
  }

  private *cell(characters: readonly string[], glue: Atom['glue']): Generator<Atom> {
    const whole = this.fit(characters.join(''), glue);
    if (whole) {
      yield whole;
      return;
    }
    let before = glue;
    for (const character of characters) {
      const one = this.fit(character, before);
      if (one) yield one;
      // A pile of marks or joined emoji: its code points. One code point is yielded whatever it costs.
      else
        for (const point of character) yield this.fit(point, '') ?? { text: point, glue: '', tokens: this.maxTokens };
      before = '';
    }
  }
}

const tokensOf = (atoms: readonly Atom[]): number => atoms.reduce((sum, atom) => sum + atom.tokens, 0);

const textOf = (atoms: readonly Atom[]): string =>
  atoms.map(({ glue, text }, i) => (i === 0 ? text : glue + text)).join('');

/** Fills chunks one after the other; a very short last chunk is evened out with the one before it. */
function pack(atoms: Iterable<Atom>, maxTokens: number): Atom[][] {
  const chunks: Atom[][] = [];
  let used = Infinity;
  for (const atom of atoms) {
    if (used + atom.tokens <= maxTokens) {
      chunks.at(-1)?.push(atom);
      used += atom.tokens;
    } else {
      chunks.push([atom]);
      used = atom.tokens;
    }
  }
  const [previous, last] = chunks.slice(-2);
  if (previous && last && tokensOf(last) < maxTokens * SHORT_TAIL) {
    while (previous.length > 1) {
      const moved = previous.at(-1);
      if (!moved || tokensOf(last) + moved.tokens >= tokensOf(previous)) break;
      previous.pop();
      last.unshift(moved);
    }
  }
  return chunks;
}

/**
 * Cuts one document into chunks of at most `maxTokens` tokens. Sentences stay whole where they fit; longer ones are split
 * at words, longer words between characters. Runs of white space become one space; no other character is lost. (Only a
 * single code point of more tokens than the budget could exceed it, which byte-level tokenizers do not have.)
 * @throws CorpusError `invalid-option` for a budget below MINIMUM_CHUNK_TOKENS.
 */
export function chunkParagraphs(paragraphs: readonly string[], maxTokens: number, count: TokenCounter): string[] {
  requireInteger('Tokens per chunk', maxTokens, MINIMUM_CHUNK_TOKENS);
  const atomizer = new Atomizer(maxTokens, count);
  const atoms = paragraphs.flatMap((paragraph) => [...atomizer.paragraph(paragraph.replace(/\s+/g, ' ').trim())]);
  // Counts of atoms add up to the count of their text only where no token spans two of them, hence a last look.
  const fitting = (chunk: readonly Atom[]): string[] => {
    const text = textOf(chunk);
    if (chunk.length === 1 || count(text) <= maxTokens) return [text];
    const middle = chunk.length >> 1;
    return [...fitting(chunk.slice(0, middle)), ...fitting(chunk.slice(middle))];
  };
  return pack(atoms, maxTokens).flatMap(fitting);
}
