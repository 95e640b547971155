import { describe, expect, it, test } from 'vitest';
import { pastedText, withSplit, type GivenText } from '../../../src/corpus/given.ts';
import { divideText, type DivisionOptions } from '../../../src/corpus/sources/division/division.ts';
import { Random } from '../../../src/corpus/random.ts';
import { randomText, withoutSpace } from '../helpers.ts';

const divide = (text: string | GivenText, options?: DivisionOptions) =>
  divideText(typeof text === 'string' ? pastedText('The text', text) : text, options);
const titles = async (text: string | GivenText, options?: DivisionOptions): Promise<string[]> =>
  (await divide(text, options)).documents.map(({ title }) => title);
const texts = async (text: string | GivenText, options?: DivisionOptions) =>
  (await divide(text, options)).documents.map(({ title, paragraphs }) => ({ title, paragraphs }));

/** Ten paragraphs on five topics, two of each beside each other. */
const TEN = [
  'Bees live in colonies of many thousands around one queen. The workers build combs of wax, and fill them with honey.',
  'Honey is made from nectar that bees carry home in a second stomach. They fan it with their wings until it is thick.',
  'A glacier is a river of ice that moves by its own weight. It grinds the rock under it to flour as it goes.',
  'Where the ice melts faster than it flows, the glacier shrinks. Meltwater gathers in lakes behind walls of stones.',
  'Violins are built of spruce and maple that has dried for years. The maker bends the ribs over a hot iron.',
  'The varnish of a violin is more than a coat. Makers guard their recipes, and some were lost with their owners.',
  'Bread rises because yeast turns sugar into gas. The gluten in the dough holds the bubbles like small balloons.',
  'Sourdough needs no yeast from a shop. Flour and water left on a shelf begin to ferment by themselves.',
  'Lighthouses once burned coal in open baskets. Later a lens of rings bent the light of one lamp into a beam.',
  'The keeper of a lighthouse wound a clockwork that turned the lens. Ships told the lights apart by their rhythm.',
];

describe('the guess', () => {
  test('ten paragraphs on five topics are ten documents, called by their own first words', async () => {
    const { documents, unit, isGuessed, units } = await divide(TEN.join('\n\n'));
    expect(documents.map(({ title }) => title)).toEqual(TEN.map((text) => `${text.split(' ').slice(0, 6).join(' ')}…`));
    expect([unit, isGuessed]).toEqual(['paragraph', true]);
    expect(units).toEqual([
      { unit: 'line', documents: 10 },
      { unit: 'paragraph', documents: 10 },
      { unit: 'section', documents: 2 },
      { unit: 'whole', documents: 1 },
    ]);
  });

  test('the same broken to a width, with a slip of a blank line, or one a line', async () => {
    const broken = TEN.map((text) => text.replace(/(.{30,44}) /g, '$1\n'));
    expect(await titles(broken.join('\n\n'))).toHaveLength(10);
    expect(await titles(TEN.join('\n\n').replace('\n\n', '\n\n\n'))).toHaveLength(10);
    expect(await titles(TEN.join('\n'))).toHaveLength(10);
    expect(await titles(broken[0] ?? '')).toHaveLength(1);
  });

  test('a short line over a paragraph is its title, and a list goes with the sentence before it', async () => {
    const text = `Bees\n\n${TEN[0]}\n\nWhat they need:\n\n- flowers\n\n- water\n\nIce\n\n${TEN[2]}\n\n${TEN[3]}`;
    expect(await texts(text, { unit: 'paragraph' })).toEqual([
      { title: 'Bees · Bees live in colonies of many…', paragraphs: [TEN[0]] },
      { title: 'Bees · What they need:', paragraphs: ['What they need:', '- flowers', '- water'] },
      { title: 'Ice · A glacier is a river of…', paragraphs: [TEN[2]] },
      { title: 'Ice · Where the ice melts faster than…', paragraphs: [TEN[3]] },
    ]);
  });

  test('sections under titles without marks', async () => {
    const text = ['Bees', TEN[0], TEN[1], 'Ice', TEN[2], TEN[3], 'Violins', TEN[4], TEN[5]].join('\n\n');
    expect(await titles(text)).toEqual(['Bees', 'Ice', 'Violins']);
  });

  test('several files are documents; of two, what is in them', async () => {
    const files = ['a', 'b', 'c'].map((name, i) => ({
      name: `notes/${name}.txt`,
      text: TEN.slice(i, i + 2).join('\n\n'),
    }));
    expect(await titles({ files })).toEqual(['a.txt', 'b.txt', 'c.txt']);
    const two = [
      { name: 'a.txt', text: 'Only this.' },
      { name: 'b.md', text: '# One\nBody.\n# Two\nMore.' },
    ];
    expect(await titles({ files: two })).toEqual(['a.txt', 'One', 'Two']);
  });
});

describe('units', () => {
  it('divides at rules first', async () => {
    expect(
      await texts('# Bread\nFlour.\n\nWater.\n---\nTides rise.\n# Not a boundary\nThey fall.\n***\n\n***\nLast.'),
    ).toEqual([
      { title: 'Bread', paragraphs: ['Flour.', 'Water.'] },
      { title: 'Tides rise.', paragraphs: ['Tides rise.', 'Not a boundary', 'They fall.'] },
      { title: 'Last.', paragraphs: ['Last.'] },
    ]);
  });
  it('refuses empty text', async () => {
    for (const text of ['', ' \n\t ', '\uFEFF', '---\n***'])
      await expect(divide(text), JSON.stringify(text)).rejects.toMatchObject({
        name: 'CorpusError',
        code: 'empty-text',
      });
  });
  it('loses no characters of random texts', async () => {
    for (let seed = 0; seed < 30; seed++) {
      const text = randomText(Random.fromSeed(seed), 40);
      for (const unit of ['paragraph', 'section', 'line', 'whole', 'file'] as const) {
        const { documents, notices } = await divide(text, { unit });
        const found = documents.flatMap(({ paragraphs }) => paragraphs).join('');
        const withTitles = documents.map(({ title, paragraphs }) => title + paragraphs.join('')).join('');
        if (withoutSpace(found) !== withoutSpace(text))
          expect(withoutSpace(withTitles).length).toBeGreaterThanOrEqual(withoutSpace(text).length);
        expect(notices).toEqual([]);
      }
    }
  });
});

test('a document can be made to begin at a paragraph, or no longer', async () => {
  const text = pastedText('The text', TEN.slice(0, 4).join('\n\n'));
  const { documents } = await divide(text);
  const at = (i: number) => documents[i]?.places[0]?.at ?? NaN;
  const joined = withSplit(withSplit(text, { file: 0, at: at(1), begins: false }), {
    file: 0,
    at: at(3),
    begins: false,
  });
  expect((await texts(joined)).map(({ paragraphs }) => paragraphs.length)).toEqual([2, 2]);
  const apart = withSplit(joined, { file: 0, at: at(1), begins: true });
  expect((await texts(apart)).map(({ paragraphs }) => paragraphs.length)).toEqual([1, 1, 2]);
});
