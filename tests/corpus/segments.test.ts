import { describe, expect, it } from 'vitest';
import { Random } from '../../src/corpus/random.ts';
import { segments } from '../../src/corpus/segments.ts';
import { randomText } from './helpers.ts';

describe.each(['sentence', 'grapheme'] as const)('%s segments', (granularity) => {
  const whole = (text: string): string[] =>
    Array.from(new Intl.Segmenter('en', { granularity }).segment(text), ({ segment }) => segment);

  it('are those of the whole text, although it is read in windows', () => {
    for (let seed = 0; seed < 5; seed++) {
      const text = randomText(Random.fromSeed(seed), 120).replace(/\s+/g, ' ');
      expect(text.length).toBeGreaterThan(2 * 4096);
      expect([...segments(text, granularity)]).toEqual(whole(text));
    }
    expect([...segments('', granularity)]).toEqual([]);
  });

  it('lose nothing of a text that has no boundaries, nor break surrogate pairs', () => {
    for (const text of ['a'.repeat(9999), `a${'\u{1F469}\u200D'.repeat(4000)}`, `z${'\u0338'.repeat(9000)} end`]) {
      const found = [...segments(text, granularity)];
      expect(found.join('')).toBe(text);
      for (const segment of found) expect(() => encodeURIComponent(segment)).not.toThrow();
    }
  });

  it('come in linear time', () => {
    // The quadratic way needs minutes for either; the suite's own limit would end it.
    const times = granularity === 'sentence' ? 100_000 : 20_000;
    let count = 0;
    for (const segment of segments('Word — word. '.repeat(times), granularity)) count += segment.length;
    expect(count).toBe(13 * times);
  });
});
