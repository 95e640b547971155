import { expect, test } from 'vitest';
import { probeMetrics, type ProbedBatch } from '../../../src/objectives/revela/probeMetrics.ts';

/** Two facts told twice each, in two wordings, and a chunk that stands alone. */
const BATCH: ProbedBatch = {
  labels: [0, 1, 0, 1, 2],
  wordings: [7, 7, 3, 3, 5],
  // prettier-ignore
  attention: [
    0,   0.5, 0.3, 0.1, 0.1,
    0.4, 0,   0.2, 0.3, 0.1,
    0.6, 0.1, 0,   0.3, 0,
    0.1, 0.1, 0.7, 0,   0.1,
    0.25, 0.25, 0.25, 0.25, 0,
  ],
  // prettier-ignore
  attentionGradient: [
     0,    0.1, -0.2,  0.1,  0.1,
     0.2,  0,    0.1, -0.1,  0.3,
    -0.3,  0.1,  0,    0.2,  0,
     0.1, -0.4,  0.1,  0,    0.2,
     9,    9,    9,    9,    0,
  ],
  predicted: [10, 10, 5, 20, 5],
};

test('shares are means over the rows that have such others, beside what chance gives them', () => {
  const found = probeMetrics(BATCH);
  expect(found['partnerShare']).toBeCloseTo((0.3 + 0.3 + 0.6 + 0.1) / 4, 12);
  expect(found['partnerShareByChance']).toBeCloseTo(1 / 4, 12);
  expect(found['wordingShare']).toBeCloseTo((0.5 + 0.4 + 0.3 + 0.7) / 4, 12);
  expect(found['wordingShareByChance']).toBeCloseTo(1 / 4, 12);
});

test('contrast is what a partner saves more than another chunk that is read, in nats per token of the row', () => {
  // Row 2 does not read chunk 4: the 0 that stands there is no slope.
  const rows = [
    ((0.1 + 0.1 + 0.1) / 3 + 0.2) * (50 / 10),
    ((0.2 + 0.1 + 0.3) / 3 + 0.1) * (50 / 10),
    ((0.1 + 0.2) / 2 + 0.3) * (50 / 5),
    ((0.1 + 0.1 + 0.2) / 3 + 0.4) * (50 / 20),
  ];
  expect(probeMetrics(BATCH)['contrast']).toBeCloseTo(rows.reduce((sum, row) => sum + row, 0) / 4, 12);
});

test('what a batch cannot tell is left out', () => {
  const { labels } = BATCH;
  const unworded = probeMetrics({ ...BATCH, wordings: labels.map(() => undefined) });
  expect([unworded['wordingShare'], unworded['wordingShareByChance']]).toEqual([undefined, undefined]);
  // Partners in one wording are partners.
  const same = probeMetrics({ ...BATCH, wordings: labels });
  expect(same['wordingShare']).toBeUndefined();
  expect(probeMetrics({ ...BATCH, attentionGradient: undefined })['contrast']).toBeUndefined();
  const strangers = probeMetrics({ ...BATCH, labels: [0, 1, 2, 3, 4] });
  expect([strangers['partnerShare'], strangers['contrast']]).toEqual([undefined, undefined]);
  // Where all are partners, none saves more than another.
  const alike = probeMetrics({ ...BATCH, labels: [0, 0, 0, 0, 0] });
  expect([alike['partnerShare'], alike['contrast']]).toEqual([1, undefined]);
});
