import { CorpusError } from '../errors.ts';
import { isRecord } from './tokenContent.ts';
import { withUnicodeDigits } from './unicodeDigits.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A switch of how the rest is matched, (?i) and the like, and not a group with such a switch, (?i:…). */
const SWITCH = /\(\?[a-z]*-?[a-z]*\)/;
const IGNORE_CASE = '(?i)';

/**
 * A copy of a tokenizer.json in the words that @huggingface/tokenizers 0.2.0 understands: a pattern that ignores case from its
 * beginning on becomes one group that does, which it can match, and digits are those of all scripts.
 * @throws CorpusError that names a pattern with another switch inside.
 */
export function forLibrary(tokenizerJson: Fields): Record<string, unknown> {
  const copy = structuredClone(tokenizerJson) as Record<string, unknown>;
  for (const part of ['normalizer', 'pre_tokenizer', 'decoder']) rewritePatterns(copy[part]);
  return { ...copy, pre_tokenizer: withUnicodeDigits(copy.pre_tokenizer) };
}

/** What the library does otherwise than Python's, where that can be told from the file: for people. */
export function limitNotices({ added_tokens: added }: Fields): string[] {
  if (!Array.isArray(added)) return [];
  const tokens = (added as unknown[]).filter(isRecord).filter((token) => token.single_word === true);
  if (tokens.length === 0) return [];
  const names = tokens.slice(0, 5).map(({ content }) => `“${String(content).slice(0, 60)}”`);
  const more = tokens.length > names.length ? ` and ${tokens.length - names.length} more` : '';
  return [
    `tokenizer.json has tokens that are to be found as whole words only (single_word): ${names.join(', ')}${more}. Here they are found within words too, so texts that hold them there are cut otherwise than in Python.`,
  ];
}

function rewritePatterns(node: unknown): void {
  if (Array.isArray(node)) node.forEach(rewritePatterns);
  if (!isRecord(node)) return;
  const { Regex: pattern } = node;
  if (typeof pattern === 'string') node.Regex = rewritten(pattern);
  else Object.values(node).forEach(rewritePatterns);
}

function rewritten(pattern: string): string {
  const rest = pattern.startsWith(IGNORE_CASE) ? pattern.slice(IGNORE_CASE.length) : undefined;
  const other = SWITCH.exec(rest ?? pattern);
  if (other)
    throw new CorpusError(
      'invalid-tokenizer',
      `The pattern “${pattern.slice(0, 200)}” of tokenizer.json changes how it matches on its way (${other[0]}), which cannot be done here. Choose a model with another tokenizer.`,
    );
  return rest === undefined ? pattern : `(?i:${rest})`;
}
