import { expect, test } from 'vitest';
import { Random } from '../../../src/corpus/random.ts';
import { PackedRankings } from '../../../src/evaluation/systems/packedRankings.ts';
import type { FoundDocument } from '../../../src/evaluation/types.ts';

test('packed rankings are the rankings, with scores in 32 bits', () => {
  const random = Random.fromSeed(3);
  const rankings = new Map<string, FoundDocument[]>(
    Array.from({ length: 20 }, (_, query) => [
      `q${query}`,
      Array.from({ length: query }, (_one, rank) => ({
        id: `d${random.integer(1000)}-${rank}`,
        score: Math.fround(random.uniform() - 0.5),
      })),
    ]),
  );
  const packed = new PackedRankings(rankings);
  expect(new Map(packed)).toEqual(rankings);
  expect([packed.size, packed.has('q0'), packed.get('q0'), packed.has('none'), packed.get('none')]).toEqual([
    20,
    true,
    [],
    false,
    undefined,
  ]);
  expect([...packed.keys()]).toEqual([...rankings.keys()]);
  expect([...packed.values()]).toEqual([...rankings.values()]);
  const visited: [string, FoundDocument[]][] = [];
  packed.forEach((found, query) => visited.push([query, found]));
  expect(new Map(visited)).toEqual(rankings);
  expect(new PackedRankings(new Map([['q', [{ id: 'd', score: 0.1 }]]])).get('q')).toEqual([
    { id: 'd', score: Math.fround(0.1) },
  ]);
});
