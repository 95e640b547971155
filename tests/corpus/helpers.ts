import type { Random } from '../../src/corpus/random.ts';

const WORDS =
  'tide kettle harbour copper lantern whisper gravel orchard velvet thunder pebble saffron anchor meadow copper a the of and'.split(
    ' ',
  );
const ODD = [
  'naïve',
  'e\u0301tude',
  '数学は言葉である。',
  '👩‍👩‍👧‍👦',
  'Straße',
  '3,412',
  'isn’t',
  '🙂🚀',
  'ффф',
  'x'.repeat(90),
  'z̸̡̢̧',
];

/** A random text: sentences of ordinary and odd words, in paragraphs, with irregular white space. */
export function randomText(random: Random, sentences: number): string {
  const space = (): string => [' ', ' ', ' ', '  ', '\n', '\t'][random.integer(6)] ?? ' ';
  let text = '';
  for (let s = 0; s < sentences; s++) {
    const length = 1 + random.integer(random.integer(8) === 0 ? 120 : 18);
    for (let w = 0; w < length; w++) {
      const from = random.integer(12) === 0 ? ODD : WORDS;
      text += (w === 0 ? '' : space()) + (from[random.integer(from.length)] ?? '');
    }
    text += ['. ', '! ', '? ', '.\n\n', '. '][random.integer(5)] ?? '. ';
  }
  return text;
}

export const withoutSpace = (text: string): string => text.replace(/\s+/g, '');
