import { readFileSync } from 'node:fs';
import { describe as group, expect, it } from 'vitest';
import { matrixOf, probePicture, tokenRowsOf, type RunRecord, type StepRecord } from '../../../src/run/record.ts';
import { contrastOf, teachingOf } from '../../../src/ui/state/teaching.ts';
import {
  describeContrast,
  describeTeaching,
  pullSign,
  savingNumber,
} from '../../../src/ui/state/sentences/teaching.ts';
import { INFO_NCE, record, REVELA, uniform } from '../records.ts';

/** Four chunks with 1, 2, 1 and 4 predicted tokens: eight in all. ∂L/∂A is −0.1 on the partner of chunk 2, else 0.01. */
function taught(): StepRecord {
  const gradient = uniform(4).map((a, at) => (a === 0 ? 0 : at === 4 + 3 ? -0.1 : 0.01));
  return {
    ...record(3),
    tokenLoss: [[1], [1, 1], [1], [1, 1, 1, 1]],
    attentionGradient: gradient,
    similarityGradient: gradient.map((slope) => slope / 2),
  };
}

group('what teaches', () => {
  it('is −A · ∂L/∂A · R / R_i for each cell, and −∂L/∂S', () => {
    const { savings, savingsOfUnit, pulls, largestSaving, largestPull } = teachingOf(REVELA, taught())!;
    expect(savings![7]).toBeCloseTo((1 / 3) * 0.1 * (8 / 2), 12);
    expect(savings![1]).toBeCloseTo((1 / 3) * -0.01 * 8, 12);
    expect(savings![12]).toBeCloseTo((1 / 3) * -0.01 * 2, 12);
    expect(savings![5]).toBeCloseTo(0, 12);
    expect(savingsOfUnit![7]).toBeCloseTo(0.4, 12);
    expect(pulls[7]).toBeCloseTo(0.05, 12);
    expect([largestSaving, largestPull].map((one) => one.toFixed(6))).toEqual(['0.133333', '0.050000']);
  });

  it('is nothing where the gradients were not kept, and arrows alone where nothing is read', () => {
    expect(teachingOf(REVELA, record(3))).toBeUndefined();
    const { attentionGradient: _, ...without } = taught() as StepRecord & { attentionGradient: number[] };
    expect(teachingOf(REVELA, without as StepRecord)).toMatchObject({ savings: undefined, largestPull: 0.05 });
    expect(teachingOf(INFO_NCE, without as StepRecord)?.savings).toBeUndefined();
  });

  it('has the contrast that the run measured, in every picture of the recorded one', () => {
    const run = JSON.parse(readFileSync('public/recorded/facts.json', 'utf8')) as RunRecord;
    const { probe } = run;
    expect(probe!.records.length).toBeGreaterThan(50);
    for (const one of probe!.records) {
      const picture = probePicture(probe!, one);
      const teaching = teachingOf(REVELA, picture)!;
      const { contrast } = one.metrics;
      // Records are rounded: to as many digits as that leaves of the largest of what is compared.
      const unit = Math.max(...teaching.savingsOfUnit!.map(Math.abs));
      expect(Math.abs(contrastOf(picture, teaching) - contrast!)).toBeLessThan(2e-3 * unit);
      // First order sums to what all reading saves only roughly; that it is finite and of the batch's size is what is held here.
      expect(teaching.savings).toHaveLength(64);
      expect(tokenRowsOf(picture, 'tokenLoss')).toHaveLength(8);
      expect(matrixOf(picture, 'attention')).toHaveLength(64);
    }
  });
});

group('what teaches, in words', () => {
  const teaching = teachingOf(REVELA, taught())!;
  const said = (at: number, subject: 'probe' | 'step' = 'step', changes = {}) =>
    describeTeaching(
      { row: 1 + Math.floor(at / 4), column: 1 + (at % 4), at },
      { ...teaching, ...changes },
      { subject },
    );

  it('says by how much reading changed the loss, and where the similarity goes', () => {
    expect(said(7)).toBe('Reading 4 lowered the loss of chunk 2 by 0.13 nats per token; its similarity rises.');
    expect(said(1)).toBe('Reading 2 raised the loss of chunk 1 by 0.03 nats per token; its similarity falls.');
    expect(said(7, 'probe')).toContain('; a step on this batch raises its similarity.');
  });

  it('gives the reason where the two do not go together, and names nothing that rounds to nothing', () => {
    expect(said(7, 'step', { pulls: teaching.pulls.map((one) => -one) })).toContain(
      'its similarity falls, since what else it reads helps more.',
    );
    expect(said(1, 'step', { pulls: teaching.pulls.map((one) => -one) })).toContain(
      'rises, since what else it reads hurts more.',
    );
    expect(said(7, 'step', { savings: teaching.savings!.map(() => 1e-5) })).toMatch(
      /^Reading 4 changed the loss of chunk 2 by next to nothing; its similarity rises\.$/,
    );
    expect(said(7, 'step', { savings: undefined })).toBe('Chunk 2 and chunk 4: its similarity rises.');
    expect([savingNumber(0.21), savingNumber(-0.004), savingNumber(1e-5)]).toEqual(['+0.21', '−0.004', '≈ 0']);
    expect([0.5, -0.5, 0.001, 0].map((pull) => pullSign(pull, { largestPull: 1 }))).toEqual(['↑', '↓', '–', '–']);
  });

  it('sets the partner’s advantage beside what all reading saves', () => {
    const picture = { ...taught(), metrics: { ...taught().metrics, isolatedLoss: 1.3, ntpLoss: 1.27 } };
    expect(contrastOf(picture, teaching)).toBeCloseTo((0.4 + 0.04) / 4, 12);
    expect(describeContrast(picture, teaching)).toBe(
      'Per unit of attention a partner saves 0.11 more than another; all reading saves 0.03.',
    );
    const alone = { ...picture, batch: record(1, { documents: [0, 1, 2, 3] }).batch };
    expect(describeContrast(alone, teaching)).toBe('');
  });

  it('fits the three lines over the matrix', () => {
    const long = `${said(7, 'probe', { pulls: teaching.pulls.map((one) => -one) })} ${describeContrast(taught(), teaching)}`;
    expect(long.length).toBeLessThanOrEqual(230);
  });
});
