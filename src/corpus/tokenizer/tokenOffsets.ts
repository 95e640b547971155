import { characterToByte } from './byteAlphabet.ts';

/** Where a token stands in the text, in UTF-16 units [start, end); undefined for tokens that are not in the text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** UTF-8 length of a code point. */
function utf8Length(codePoint: number): number {
  return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
}

/**
 * For each UTF-8 byte of `text.normalize('NFC')` (or of `text`), the span of the original character it came from.
 * NFC is followed cluster by cluster (base character and its marks); undefined where clusters influence each other.
 */
function byteSpans(text: string, nfc: boolean): Span[] | undefined {
  const spans: Span[] = [];
  const push = (piece: string, span: (offset: number, length: number) => Span): void => {
    let offset = 0;
    for (const character of piece) {
      const here = span(offset, character.length);
      for (let i = utf8Length(character.codePointAt(0) ?? 0); i > 0; i--) spans.push(here);
      offset += character.length;
    }
  };
  if (!nfc || text.normalize('NFC') === text) {
    push(text, (offset, length) => ({ start: offset, end: offset + length }));
    return spans;
  }
  let normalized = '';
  for (const match of text.matchAll(/\P{M}\p{M}*|\p{M}+/gu)) {
    const cluster = match[0];
    const composed = cluster.normalize('NFC');
    normalized += composed;
    const whole = { start: match.index, end: match.index + cluster.length };
    push(composed, (offset, length) =>
      composed === cluster ? { start: match.index + offset, end: match.index + offset + length } : whole,
    );
  }
  return normalized === text.normalize('NFC') ? spans : undefined;
}

/**
 * Spans of byte-level BPE tokens, found by walking their bytes along the text. Two tokens that share the bytes of one
 * character both get the whole character. `literal` holds the added tokens, which stand in the text as they are.
 * @returns undefined when the tokens do not spell the text (a tokenizer that changes it in other ways than NFC).
 */
export function byteLevelSpans(
  text: string,
  tokens: readonly string[],
  literal: ReadonlySet<string>,
  nfc: boolean,
): Span[] | undefined {
  const bytes = byteSpans(text, nfc);
  if (!bytes) return undefined;
  let position = 0;
  const spans: Span[] = [];
  for (const token of tokens) {
    const length = literal.has(token) ? new TextEncoder().encode(token).length : [...token].length;
    const first = bytes[position];
    const last = bytes[position + length - 1];
    if (!first || !last) return undefined;
    spans.push({ start: first.start, end: last.end });
    position += length;
  }
  return position === bytes.length ? spans : undefined;
}

/** Spans of tokens that stand in the text as they are, with anything between them (word-level tokenizers). */
export function literalSpans(text: string, tokens: readonly string[]): Span[] | undefined {
  let position = 0;
  const spans: Span[] = [];
  for (const token of tokens) {
    const start = text.indexOf(token, position);
    if (start < 0) return undefined;
    position = start + token.length;
    spans.push({ start, end: position });
  }
  return spans;
}

/** Readable text of one byte-level token; bytes that are no whole character are shown as ⟨E2 80⟩. */
export function byteLevelText(token: string): string {
  const bytes = Uint8Array.from(token, (character) => characterToByte.get(character) ?? 0x3f);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return `⟨${Array.from(bytes, (byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join(' ')}⟩`;
  }
}
