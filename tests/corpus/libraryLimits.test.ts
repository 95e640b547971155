import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { limitNotices } from '../../src/corpus/tokenizer/libraryLimits.ts';
import { TextTokenizer } from '../../src/corpus/tokenizer/tokenizer.ts';
import { folder, fileWithHeader } from '../files/helpers.ts';
import { openPretrained } from '../../src/run/pretrained.ts';

const BASE = join(import.meta.dirname, '../run/reported-checkpoints/base');
const json = (name: string) => JSON.parse(readFileSync(join(BASE, name), 'utf8')) as Record<string, unknown>;
const tokenizerJson = json('tokenizer.json');
const tokenizerConfig = { eos_token: '<|endoftext|>' };

const withPattern = (Regex: string) => {
  const [, byteLevel] = (tokenizerJson.pre_tokenizer as { pretokenizers: unknown[] }).pretokenizers;
  const split = { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false };
  return {
    tokenizerJson: { ...tokenizerJson, pre_tokenizer: { type: 'Sequence', pretokenizers: [split, byteLevel] } },
    tokenizerConfig,
  };
};
const PATTERN = String.raw`TH|[A-D]+| ?\p{L}+|\s+|.`;

test.each([
  [
    'ignores case from its beginning on',
    `(?i)${PATTERN}`,
    [439, 70, 332, 41, 38, 258, 41, 655],
    [66, 266, 411, 67, 66, 13, 269, 754, 129, 233, 2],
  ],
  ['does not', PATTERN, [85, 260, 332, 41, 38, 258, 41, 655], [352, 411, 67, 66, 13, 269, 754, 129, 233, 2]],
])('a pattern that %s cuts as Python’s tokenizers 0.23.3 cuts', (_what, pattern, first, second) => {
  const tokenizer = new TextTokenizer(withPattern(pattern));
  expect(tokenizer.encode('the THE tHere')).toEqual(first);
  expect(tokenizer.encode('and abba, cafÉ!')).toEqual(second);
});

test.each(['(?x) a', 'a(?i)b', '(?i)a(?-i)b', '(?im)a'])('%s: a pattern that cannot be matched is named', (pattern) => {
  const named = new RegExp(`pattern “${pattern.replace(/[()?]/g, '\\$&')}” of tokenizer.json`);
  expect(() => new TextTokenizer(withPattern(pattern))).toThrow(named);
});

const token = (content: string, single_word: boolean, id: number) => ({
  id,
  content,
  single_word,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: false,
});

test('tokens that are found within words too are named, also when the checkpoint is opened', async () => {
  const added = [token('he', true, 330), token('she', false, 331)];
  const changed = { ...tokenizerJson, added_tokens: [...(tokenizerJson.added_tokens as unknown[]), ...added] };
  expect(limitNotices(changed)).toEqual([expect.stringMatching(/whole words only \(single_word\): “he”\. Here/)]);
  expect(limitNotices(tokenizerJson)).toEqual([]);
  const many = Array.from({ length: 7 }, (_, i) => token(`w${i}`, true, i));
  expect(limitNotices({ added_tokens: many })[0]).toContain('“w4” and 2 more');
  const header = { 'model.norm.weight': { dtype: 'F32', shape: [1], data_offsets: [0, 4] } };
  const { notices } = await openPretrained(
    'x',
    folder({
      'config.json': json('config.json'),
      'tokenizer.json': changed,
      'tokenizer_config.json': json('tokenizer_config.json'),
      'model.safetensors': fileWithHeader(header, 4),
    }),
  );
  expect(notices).toEqual(limitNotices(changed));
});
