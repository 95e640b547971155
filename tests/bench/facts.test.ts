import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { measuredOf, toldOf, type Measured } from '../../bench/facts/measured.ts';
import { stagesOf, type Stages } from '../../bench/facts/stages.ts';
import { metricOf, type RunRecord } from '../../src/run/record.ts';

const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
const recorded = read('public/recorded/facts.json') as RunRecord;
const measured = read('bench/facts/measured.json') as Measured;

test('what is said of the recorded run is what it shows', () => {
  expect(measuredOf(recorded, {}).recorded).toEqual(measured.recorded);
});

test('the contrast that a probe was recorded with is that of its gradients', () => {
  const { records, batch } = recorded.probe!;
  const labels = batch.chunks.map(({ document }) => document);
  for (const one of records) {
    const g = one['attentionGradient'] as readonly number[];
    const rows = labels.map((label, i) => {
      const others = labels.flatMap((_, j) =>
        j === i ? [] : [{ isPartner: labels[j] === label, slope: g[8 * i + j]! }],
      );
      const mean = (isPartner: boolean) => {
        const slopes = others.filter((other) => other.isPartner === isPartner).map(({ slope }) => slope);
        return slopes.reduce((sum, slope) => sum + slope, 0) / slopes.length;
      };
      // All chunks predict 11 tokens, so R / R_i is 8.
      return 8 * (mean(false) - mean(true));
    });
    const contrast = rows.reduce((sum, row) => sum + row, 0) / rows.length;
    // Gradients were rounded to three digits.
    expect(Math.abs(contrast - metricOf(one.metrics, 'contrast'))).toBeLessThan(5e-3 * Math.max(...rows.map(Math.abs)));
  }
});

const runs: readonly (readonly [string, Stages])[] = [
  ['the recorded run', measured.recorded.stages],
  ...Object.entries(measured.others)
    .filter(([name]) => /^seed-\d+$/.test(name))
    .map(([name, { stages }]) => [name, stages] as const),
];

// What docs/METHOD.md and the page say of such a run, of every seed that was measured.
describe.each(runs)('%s', (_, stages) => {
  test('groups by wording first, then finds the partner, then learns to copy', () => {
    const { untrained, wordingPeak, wordingOverHalf, partnerLeads, partnerOverHalf, allFound, gainOverTenth } = stages;
    // Untrained it goes by wording already, more than by the partner.
    expect(untrained.wordingShare).toBeGreaterThan(3 * untrained.wordingShareByChance);
    expect(untrained.wordingShare).toBeGreaterThan(1.5 * untrained.partnerShare);
    expect(wordingPeak.share).toBeGreaterThan(1.2 * untrained.wordingShare);
    expect(wordingPeak.share).toBeGreaterThan(4 * wordingPeak.partnerShare);
    expect(wordingPeak.share).toBeGreaterThan(0.75);
    expect([16, 20, 32]).toContain(wordingPeak.step);
    expect(wordingOverHalf![1]).toBeLessThan(partnerLeads!);
    expect(partnerLeads!).toBeLessThan(partnerOverHalf!);
    expect(allFound!).toBeLessThanOrEqual(200);
    expect(gainOverTenth!).toBeGreaterThanOrEqual(2 * allFound!);
  });

  test('has found nearly all held-out partners by step 200, when reading them saves nothing yet', () => {
    const at = stages.heldOut.find(({ step }) => step === 200)!;
    expect(at.recallAt1).toBeGreaterThan(0.9);
    expect(Math.abs(at.gain)).toBeLessThan(0.03);
    expect(stages.heldOut.at(-1)!.gain).toBeGreaterThan(1);
  });
});

test('without V-normalisation reading saves more at step 200, and fewer partners are found, with every seed', () => {
  const at200 = (stages: Stages) => stages.heldOut.find(({ step }) => step === 200)!;
  const without = Object.entries(measured.others).filter(([name]) => name.endsWith('-without'));
  expect(without).toHaveLength(3);
  for (const [name, { stages }] of without) {
    const seed = name.replace('-without', '');
    const beside = at200(seed === 'seed-0' ? measured.recorded.stages : measured.others[seed]!.stages);
    expect(at200(stages).gain).toBeGreaterThan(beside.gain + 0.5);
    expect(at200(stages).recallAt1).toBeLessThan(0.5);
    expect(beside.recallAt1).toBeGreaterThan(0.99);
  }
});

test('the difference between neighbours is there before the gain is', () => {
  const stretch = (from: number) => measured.recorded.stretches.find((one) => one.from === from)!;
  // While the retriever turns from wording to partners, and again while the language model begins to copy.
  for (const { contrast, gain } of [stretch(68), stretch(404)]) {
    expect(contrast.mean).toBeGreaterThan(4 * contrast.standardError);
    expect(gain.mean).toBeLessThan(2 * gain.standardError);
  }
});

test('what is printed is read as it is', () => {
  const lines = [
    { step: 0, probe: { wordingShare: 0.5, partnerShare: 0.1, recallAt1: 0.2 }, of: 'heldOut' },
    { step: 4, loss: 1 },
    { step: 4, probe: { wordingShare: 0.9, partnerShare: 0.05, recallAt1: 0 }, of: 'heldOut' },
    { step: 8, probe: { wordingShare: 0.1, partnerShare: 0.8, recallAt1: 1 }, of: 'heldOut' },
    { step: 8, ntpLoss: 1, heldOut: { recallAt1: 1, ntpLoss: 1, isolatedLoss: 1.5 } },
  ];
  const stages = stagesOf(toldOf(lines.map((line) => `${JSON.stringify(line)}\n`).join('')));
  expect(stages).toMatchObject({
    wordingPeak: { step: 4, share: 0.9, partnerShare: 0.05 },
    wordingOverHalf: [4, 4],
    partnerLeads: 8,
    partnerOverHalf: 8,
    allFound: 8,
    heldOut: [{ step: 8, recallAt1: 1, gain: 0.5 }],
    contextHurts: [],
    gainOverTenth: 8,
  });
  expect(() => stagesOf({ probe: [{ step: 4 }], evaluations: [] })).toThrow(/before its first step/);
});
