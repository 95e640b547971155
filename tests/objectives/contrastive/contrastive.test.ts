import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { areaUnderCurve, diagonalAccuracy, positiveAccuracy } from '../../../src/objectives/contrastive/accuracy.ts';
import { cellRoles } from '../../../src/objectives/contrastive/roles.ts';
import type { ContrastiveBatch } from '../../../src/objectives/contrastive/contrastive.ts';
import { objectiveOf } from '../../../src/objectives/registry.ts';
import { OBJECTIVE_TABLES } from '../../../src/objectives/tables.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { setUpCorpus } from '../../../src/run/corpusSetup.ts';
import { CorpusFeed } from '../../../src/run/feed.ts';
import { openExperiment } from '../../../src/run/assemble.ts';
import { configure } from '../../../src/settings/configuration.ts';
import { openTestRuntime } from '../../harness/runtime.ts';

const OBJECTIVES = ['infoNce', 'inverseCloze', 'decoupledSoftmax', 'mannWhitney'] as const;
const TINY = { chunks: 4, layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, heldOutBatches: 1 };

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

describe('roles', () => {
  const rows = (count: number) => Array.from({ length: count }, () => [1]);
  const batch: ContrastiveBatch = {
    pairs: { queryIds: rows(3), passageIds: rows(5) },
    partnersOf: [[0, 2], []],
    labels: [7, 8, 7],
  };
  test('the diagonal is right, partners are wrong or right, a hard negative is nothing to those of its own document', () => {
    expect(Array.from(cellRoles(batch, { partners: 'negative' }))).toEqual([
      2, 1, 1, 0, 1, 1, 2, 1, 1, 1, 1, 1, 2, 0, 1,
    ]);
    expect(Array.from(cellRoles(batch, { partners: 'positive' }))).toEqual([
      2, 1, 2, 0, 1, 1, 2, 1, 1, 1, 2, 1, 2, 0, 1,
    ]);
    expect(
      Array.from(
        cellRoles(
          { ...batch, partnersOf: [], pairs: { queryIds: rows(2), passageIds: rows(2) }, labels: [] },
          { partners: 'positive' },
        ),
      ),
    ).toEqual([2, 1, 1, 2]);
  });
});

describe('accuracies', () => {
  test('of the diagonal: ties count in part', () => {
    expect(diagonalAccuracy(Float32Array.of(0.5, 0.1, 0.4, 0.4))).toBe(0.75);
    expect(diagonalAccuracy(Float32Array.of(0.1, 0.5, 0.4, 0.3))).toBe(0);
  });

  test('AUC is the share of pairs in the right order, over all rows; a tie is half', () => {
    const roles = [2, 1, 1, 2];
    expect(areaUnderCurve([0.9, 0.1, 0.2, 0.8], roles)).toBe(1);
    expect(areaUnderCurve([0.9, 0.1, 0.8, 0.8], roles)).toBe(0.875);
    expect(areaUnderCurve([0.1, 0.9, 0.8, 0.2], roles)).toBe(0);
    expect(areaUnderCurve([0.5, 0.5, 0.9, 0.4], [2, 1, 0, 2])).toBe(0.25);
  });

  test('of positives: any right answer will do, what is left out is not looked at', () => {
    expect(positiveAccuracy([0.1, 0.5, 0.3, 0.2], [2, 2, 1, 2], 2)).toBe(0.5);
    expect(positiveAccuracy([0.1, 0.5, 0.2, 0.3], [2, 0, 1, 2], 2)).toBe(1);
    expect(positiveAccuracy([0.5, 0.5, 0.3, 0.2], [2, 1, 1, 2], 2)).toBe(0.25);
  });
});

describe.each(OBJECTIVES)('%s', (objective) => {
  const configuration = configure({ ...TINY, objective });

  test('is listed under its own name, without a language model', () => {
    const definition = objectiveOf(configuration);
    expect(definition.table).toBe(OBJECTIVE_TABLES[objective]);
    expect([definition.table.id, definition.needsLanguageModel]).toEqual([objective, false]);
    const keys = [...definition.table.stepMetrics, ...definition.table.evaluationMetrics].map(({ key }) => key);
    for (const { lines } of definition.table.charts) for (const { metric } of lines) expect(keys).toContain(metric);
  });

  test('no row of a batch is longer than the planner counts with', async () => {
    const kitchen = configure({ ...TINY, objective, source: 'kitchen', chunkTokens: 32, vocabulary: 400 });
    for (const one of [configuration, kitchen]) {
      const corpus = await setUpCorpus(one);
      const full = objectiveOf(one).fullBatch({
        chunks: one.chunks,
        tokens: Math.min(one.chunkTokens - 1, corpus.longestRow ?? Infinity),
        configuration: one,
        retrieverVocabulary: 100,
        languageModelVocabulary: 100,
      }) as ContrastiveBatch;
      const feed = new CorpusFeed(corpus, one);
      const longest = (ids: readonly (readonly number[])[]) => Math.max(...ids.map((row) => row.length));
      for (let position = 0; position < 20; position++) {
        const { pairs } = feed.batchAt(position) as unknown as ContrastiveBatch;
        expect(longest(pairs.queryIds)).toBeLessThanOrEqual(longest(full.pairs.queryIds));
        expect(longest(pairs.passageIds)).toBeLessThanOrEqual(longest(full.pairs.passageIds));
      }
    }
  });

  test('a few steps lower its loss on the batches it trains on', async () => {
    const steep = configure({ ...TINY, objective, seed: 1, learningRate: 0.01, warmup: 1, pooling: 'mean' });
    const corpus = await setUpCorpus(steep);
    const feed = new CorpusFeed(corpus, steep);
    const experiment = await openExperiment(runtime, steep, corpus);
    const losses: number[] = [];
    // The same batch again and again: position 0.
    Object.assign(experiment.feed, { batchAt: () => feed.batchAt(0) });
    for (let step = 0; step < 12; step++) losses.push((await experiment.trainer.step()).loss);
    experiment.destroy();
    expect(losses.at(-1)!).toBeLessThan(0.8 * losses[0]!);
  });
});
