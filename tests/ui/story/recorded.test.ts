import { describe, expect, test } from 'vitest';
import { matrixOf, metricOf, tokenRowsOf, type ProbeRecord } from '../../../src/run/record.ts';
import { recordedRun } from './recordedRun.ts';
import { chaptersOf, type Chapter } from '../../../src/ui/panels/story/chapters.ts';

const run = recordedRun();
const { probe, evaluations, configuration } = run;
if (!probe) throw new Error('The recorded run has no probe.');
const { chunks } = probe.batch;
const size = chunks.length;

const chapters = chaptersOf({
  probe: probe.records.map(({ metrics }) => metrics),
  evaluations,
  partnered: size,
  configuration,
});

function chapter(id: Chapter['id']): Chapter {
  const found = chapters.find((one) => one.id === id);
  if (!found) throw new Error(`The run has no chapter ${id}.`);
  return found;
}

function recordAt(step: number): ProbeRecord {
  const found = probe?.records.find(({ metrics }) => metrics.step === step);
  if (!found) throw new Error(`The probe was not looked at after ${step} updates.`);
  return found;
}

/** Mean over rows of what A gives to chunks of one kind, in whole per cent, from the matrix itself. */
function percent(step: number, is: (one: number, other: number) => boolean): string {
  const A = matrixOf(recordAt(step), 'attention');
  const rows = chunks.flatMap((_, i) => {
    const others = chunks.flatMap((_other, j) => (j !== i && is(i, j) ? [A[i * size + j] ?? NaN] : []));
    return others.length > 0 ? [others.reduce((sum, a) => sum + a, 0)] : [];
  });
  return `${Math.round((100 * rows.reduce((sum, row) => sum + row, 0)) / rows.length)}%`;
}

const isPartner = (i: number, j: number): boolean => chunks[i]?.document === chunks[j]?.document;
const isSameWording = (i: number, j: number): boolean =>
  !isPartner(i, j) && chunks[i]?.wording !== undefined && chunks[i].wording === chunks[j]?.wording;

/** Mean loss of the tokens that are predicted, nats, from the losses of the tokens. */
function loss(step: number, key: string): number {
  const all = tokenRowsOf(recordAt(step), key).flat();
  return all.reduce((sum, one) => sum + one, 0) / all.length;
}

describe('the story of the recorded run', () => {
  test('has the five chapters, one after another', () => {
    expect(chapters.map(({ id }) => id)).toEqual(['untrained', 'wording', 'partner', 'copying', 'limits']);
    const steps = chapters.map(({ step }) => step);
    expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
  });

  test('every chunk of its batch has a partner, and some are told in the same sentence', () => {
    expect(chunks.every((_, i) => chunks.some((_other, j) => j !== i && isPartner(i, j)))).toBe(true);
    expect(chunks.some((_, i) => chunks.some((_other, j) => j !== i && isSameWording(i, j)))).toBe(true);
    expect(probe.of).toBe('heldOut');
  });

  test('says of the matrices what is in them', () => {
    const { step, sentence } = chapter('wording');
    expect(sentence).toContain(`${percent(step, isSameWording)} of the attention goes to the same sentence`);
    expect(sentence).toContain(`${percent(step, isPartner)} to the partner`);
    const untrained = chapter('untrained');
    expect(untrained.more).toContain(`${percent(untrained.step, isSameWording)} of the attention`);
    const partner = chapter('partner');
    expect(partner.sentence).toContain(`finds the partner: ${percent(partner.step, isPartner)} of the attention`);
  });

  test('counts those who find their partner as S has it', () => {
    const { step, sentence } = chapter('untrained');
    const S = matrixOf(recordAt(step), 'similarity');
    const hits = chunks.filter((_, i) => {
      const others = chunks.map((_other, j) => j).filter((j) => j !== i);
      const best = others.reduce((a, b) => ((S[i * size + b] ?? NaN) > (S[i * size + a] ?? NaN) ? b : a));
      return isPartner(i, best);
    });
    expect(sentence).toContain(`${hits.length} of ${size} chunks`);
  });

  test('says of the losses what the tokens cost', () => {
    const { step, sentence } = chapter('copying');
    const [withContext = NaN, alone = NaN] = [...sentence.matchAll(/(\d\.\d\d)/g)].map(([, value]) => Number(value));
    expect(withContext).toBeCloseTo(loss(step, 'tokenLoss'), 1);
    expect(alone).toBeCloseTo(loss(step, 'isolatedTokenLoss'), 1);
    expect(alone - withContext).toBeGreaterThan(0.1);
  });

  test('finds the partner long before reading pays', () => {
    const { step } = chapter('partner');
    expect(chapter('copying').step).toBeGreaterThan(2 * step);
    const { metrics } = recordAt(step);
    expect(metricOf(metrics, 'isolatedLoss') - metricOf(metrics, 'ntpLoss')).toBeLessThan(0.05);
    expect(chapter('partner').sentence).toContain('unlearns the wording');
  });
});
