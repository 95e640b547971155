import { expect, test } from 'vitest';
import { Random } from '../../../src/corpus/random.ts';
import { ranked } from '../../../src/evaluation/measures/order.ts';
import { TopDocuments } from '../../../src/evaluation/systems/topDocuments.ts';

test('takes the first of the order by which rankings are measured, whatever is tied', () => {
  const random = Random.fromSeed(11);
  for (let trial = 0; trial < 60; trial++) {
    const count = 1 + random.integer(40);
    const ids = random.shuffle(Array.from({ length: count }, (_, i) => `d${i}`));
    const scores = ids.map(() => (random.uniform() < 0.2 ? -Infinity : random.integer(6) / 3));
    const depth = 1 + random.integer(count);
    const found = ids.map((id, i) => ({ id, score: scores[i] ?? NaN })).filter(({ score }) => score > -Infinity);
    const best = new TopDocuments(ids).best(scores, depth);
    expect(best.map(({ id }) => id)).toEqual(ranked(found).slice(0, depth));
    expect(best.every(({ id, score }) => score === Math.fround(scores[ids.indexOf(id)] ?? NaN))).toBe(true);
  }
});
