import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/corpus/random.ts';
import { scanText } from '../../../src/corpus/sources/division/scanner.ts';
import { withoutSpace } from '../helpers.ts';

const blocks = (text: string) =>
  scanText(text).blocks.map(({ kind, text: inner }) => (kind === 'rule' ? '---' : `${kind} ${inner}`));

describe('blocks', () => {
  test.each([
    [
      '# One ##\n## Two#\n#\n#three\n####### seven\n    # code',
      ['heading One', 'heading Two#', 'heading ', 'text #three\n####### seven\n    # code'],
    ],
    ['Title\n=====\n\nOther title\n---\nText.', ['heading Title', 'heading Other title', 'text Text.']],
    ['A sentence.\n---\nMore', ['text A sentence.', '---', 'text More']],
    ['Two lines\nof text\n---\n- item\n---', ['text Two lines\nof text', '---', 'text - item', '---']],
    [
      'a\n\n* * *\n - - -\n\t_ _ _\n=====\n--\n= = =\n**bold**',
      ['text a', '---', '---', '---', '---', 'text --\n= = =\n**bold**'],
    ],
    ['````\n```\n# no\n---\n````\n# yes', ['text ````\n```\n# no\n---\n````', 'heading yes']],
    ['~~~ md\n# no\n```\n~~~~\nafter', ['text ~~~ md\n# no\n```\n~~~~\nafter']],
    [
      '```` never closed\n# yes\n```\n# also\n```',
      ['text ```` never closed', 'heading yes', 'text ```', 'heading also', 'text ```'],
    ],
    ['a ``` b\n```inline``` code\n# yes', ['text a ``` b\n```inline``` code', 'heading yes']],
    ['- a\n- b\n\n1. c', ['text - a\n- b', 'text 1. c']],
  ])('%j', (text, expected) => {
    expect(blocks(text)).toEqual(expected);
  });
});

describe('front matter', () => {
  test('is left out, and gives the title', () => {
    const text = '---\ntitle: "Winter: a list"\ntags:\n  - store\n# note\n\nlist: [a,\n]\n...\n# Cellar\nApples.';
    expect(scanText(text)).toMatchObject({ title: 'Winter: a list' });
    expect(blocks(text)).toEqual(['heading Cellar', 'text Apples.']);
  });
  test.each([
    '---\nNo key here\n---\nText.',
    '---\n\n---\nText.',
    '---\nkey: value\nText without an end.',
    'Text\n---\nkey: a\n---',
  ])('is not what only looks like it: %j', (text) => {
    expect(scanText(text).title).toBeUndefined();
    expect(withoutSpace(blocks(text).join(''))).toContain('T');
    expect(scanText(text).blocks[0]).toMatchObject({ at: 0 });
  });
});

/** Lines and parts of lines of which headings, rules, fences and front matter are made, and that only look like them. */
const PARTS = [
  '#',
  '##',
  '# a',
  '---',
  '- - -',
  '***',
  '===',
  '= =',
  '```',
  '````',
  '~~~',
  '`',
  'word',
  'title: x',
  '- item',
  ' ',
  '    ',
  '\t',
  '\n',
  '\n',
  '\n\n',
  '\f',
  '\u00a0',
  'é',
  '🙂',
  '.',
  'x'.repeat(30),
];

const WORDS = /word|title: x|item|é|🙂|x{30}/g;

test('of 60,000 texts no word is lost or moved, and places are where they say', () => {
  const random = Random.fromSeed(11);
  for (let n = 0; n < 60_000; n++) {
    let text = '';
    for (let i = random.integer(14); i >= 0; i--) text += PARTS[random.integer(PARTS.length)] ?? '';
    const { blocks: found } = scanText(text);
    // Expectations cost more than what they look at: they are stated of what is wrong.
    const isMisplaced = found.some(
      ({ kind, text: inner, at }, i) =>
        at <= (found[i - 1]?.at ?? -1) ||
        (kind === 'text' && !text.startsWith(inner.slice(0, 4).split('\n')[0] ?? '', at)),
    );
    if (isMisplaced) expect(found, JSON.stringify(text)).toBe('in order, and where they say');
    // Without front matter all that is not a mark is kept.
    if (/^---[ \t]*\n/.test(text)) continue;
    const words = (of: string): string => (of.match(WORDS) ?? []).join(' ');
    const kept = words(found.map((block) => block.text).join('\n'));
    if (kept !== words(text)) expect(kept, JSON.stringify(text)).toBe(words(text));
  }
});

/** What looking at a text costs: characters that the string methods of the scanner go over, and pieces they make. */
function work(text: string): number {
  let count = 0;
  const methods = ['slice', 'trim', 'trimEnd', 'trimStart', 'includes', 'startsWith', 'replace'] as const;
  const { prototype } = String;
  const originals = methods.map((name) => [name, Object.getOwnPropertyDescriptor(prototype, name)!] as const);
  const indexOf = Object.getOwnPropertyDescriptor(prototype, 'indexOf')!;
  const exec = Object.getOwnPropertyDescriptor(RegExp.prototype, 'exec')!;
  const charCodeAt = Object.getOwnPropertyDescriptor(prototype, 'charCodeAt')!;
  type Method = (this: string, ...args: unknown[]) => unknown;
  const counted = (
    of: PropertyDescriptor,
    costOf: (self: string, result: unknown, args: readonly unknown[]) => number,
  ): PropertyDescriptor => ({
    ...of,
    value: function (this: string, ...args: unknown[]) {
      const result = (of.value as Method).apply(this, args);
      count += costOf(this, result, args);
      return result;
    },
  });
  for (const [name, of] of originals)
    Object.defineProperty(
      prototype,
      name,
      counted(of, (self, result) => 1 + (typeof result === 'string' ? result.length : self.length)),
    );
  Object.defineProperty(
    prototype,
    'charCodeAt',
    counted(charCodeAt, () => 1),
  );
  Object.defineProperty(
    prototype,
    'indexOf',
    counted(
      indexOf,
      (self, result, [, from = 0]) => 1 + (Number(result) < 0 ? self.length : Number(result)) - Number(from),
    ),
  );
  Object.defineProperty(RegExp.prototype, 'exec', {
    ...exec,
    value: function (this: RegExp, text: string) {
      const from = this.global ? this.lastIndex : 0;
      const match = (exec.value as (this: RegExp, text: string) => RegExpExecArray | null).call(this, text);
      count += 1 + (match ? match.index + match[0].length : text.length) - from;
      return match;
    },
  });
  try {
    scanText(text);
  } finally {
    for (const [name, of] of originals) Object.defineProperty(prototype, name, of);
    Object.defineProperty(prototype, 'indexOf', indexOf);
    Object.defineProperty(prototype, 'charCodeAt', charCodeAt);
    Object.defineProperty(RegExp.prototype, 'exec', exec);
  }
  return count;
}

test.each([
  ['a heading of spaces', (n: number) => `# a${' '.repeat(n)}b`],
  ['a heading closed by #', (n: number) => `# ${'# '.repeat(n / 2)}`],
  ['headings of spaces', (n: number) => `#${' '.repeat(60)}x\n`.repeat(n / 63)],
  ['one line', (n: number) => 'x'.repeat(n)],
  ['empty lines', (n: number) => '\n'.repeat(n)],
  ['a rule that is none', (n: number) => `${'- '.repeat(n / 2)}x`],
  ['rules', (n: number) => '- - -\n'.repeat(n / 6)],
  ['ticks', (n: number) => '`'.repeat(n)],
  [
    'fences that are never closed, each longer',
    (n: number) => Array.from({ length: Math.sqrt(2 * n) }, (_, i) => '`'.repeat(i + 3)).join('\n'),
  ],
  ['a fence that is never closed', (n: number) => `\`\`\`\n${'a ~~~ b\n'.repeat(n / 8)}`],
  ['fences', (n: number) => '```\nx\n```\n'.repeat(n / 10)],
  ['titles underlined', (n: number) => 'Title\n---\n'.repeat(n / 10)],
  ['front matter without an end', (n: number) => `---\n${'a: b\n'.repeat(n / 5)}`],
])('time is in proportion to length: %s', (_, make) => {
  const [small, large] = [work(make(20_000)), work(make(80_000))];
  expect(large / small).toBeLessThan(4.5);
  expect(large).toBeLessThan(16 * 80_000);
});
