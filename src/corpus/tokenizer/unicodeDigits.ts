import { isRecord } from './tokenContent.ts';

/**
 * A pre-tokenizer with every Digits in it said as a Split, which cuts the same but for one thing: @huggingface/tokenizers 0.2.0
 * takes only 0 to 9 for digits, where the original takes all of Unicode's numbers (½, Ⅷ, ①, ٣).
 */
export function withUnicodeDigits(preTokenizer: unknown): unknown {
  if (!isRecord(preTokenizer)) return preTokenizer;
  const { type, pretokenizers: members } = preTokenizer;
  if (type === 'Digits') {
    const pattern = preTokenizer.individual_digits === true ? '\\p{N}' : '\\p{N}+';
    return { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false };
  }
  return Array.isArray(members) ? { ...preTokenizer, pretokenizers: members.map(withUnicodeDigits) } : preTokenizer;
}
