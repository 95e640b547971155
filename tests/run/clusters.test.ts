import { expect, test } from 'vitest';
import { clusterTexts } from '../../src/run/clusters.ts';
import { TermStatistics } from '../../src/retrieval/termStatistics.ts';
import { TfIdf } from '../../src/retrieval/tfidf.ts';

const TOPICS = [
  ['boat', 'sail', 'harbour', 'tide', 'anchor', 'mast'],
  ['flour', 'oven', 'butter', 'dough', 'yeast', 'crust'],
  ['hammer', 'nail', 'plank', 'saw', 'chisel', 'vice'],
];
/** Text n is of topic n mod 3, four of its words. */
const TEXTS = Array.from({ length: 36 }, (_, n) => {
  const words = TOPICS[n % 3]!;
  return [0, 1, 2, 4].map((step) => words[(Math.floor(n / 3) + step) % words.length]).join(' ');
});
const cluster = (texts: readonly string[], clusters: number, leastSize = 1, seed = 0) =>
  clusterTexts(texts, new TfIdf(new TermStatistics(texts)), { clusters, leastSize, seed });

test('texts that share words come into one cluster, numbered in order of appearance', async () => {
  // All words of a topic, one of them twice: nearly the same as each other, and nothing like those of another topic.
  const alike = Array.from({ length: 36 }, (_, n) =>
    [...TOPICS[n % 3]!, TOPICS[n % 3]![Math.floor(n / 3) % 6]].join(' '),
  );
  for (let seed = 0; seed < 5; seed++) expect(await cluster(alike, 3, 1, seed)).toEqual(alike.map((_, n) => n % 3));
});

test('the same texts, options and seed give the same clusters', async () => {
  const [first, again, other] = [await cluster(TEXTS, 9), await cluster(TEXTS, 9), await cluster(TEXTS, 9, 1, 1)];
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
  expect(new Set(first).size).toBeGreaterThan(3);
});

test('a cluster that is too small joins its nearest', async () => {
  const lone = [...TEXTS, 'oven butter comet'];
  for (const least of [2, 6, 12]) {
    const found = await cluster(lone, 9, least);
    const sizes = [...new Set(found)].map((one) => found.filter((other) => other === one).length);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(least);
    // None joins another topic while it has a neighbour of its own.
    if (least <= 12)
      expect(new Set(found.map((one, n) => `${one} ${n === 36 ? 1 : n % 3}`)).size).toBe(new Set(found).size);
  }
  expect(new Set(await cluster(TEXTS, 9, 30)).size).toBe(1);
});

test('fewer different texts than clusters, and texts without words, are no trouble', async () => {
  expect(await cluster(['a boat', 'a boat', 'a boat'], 3)).toEqual([0, 0, 0]);
  expect(await cluster(['', ' ', 'boat'], 2)).toHaveLength(3);
  expect(await cluster(['boat'], 8)).toEqual([0]);
});

test('it can be stopped', async () => {
  const stopped = AbortSignal.abort();
  const tfidf = new TfIdf(new TermStatistics(TEXTS));
  await expect(
    clusterTexts(TEXTS, tfidf, { clusters: 3, leastSize: 1, seed: 0, signal: stopped }),
  ).rejects.toMatchObject({ code: 'aborted' });
});
