import { mean } from '../../src/objectives/scores.ts';
import { rowContrasts } from '../../src/objectives/revela/probeMetrics.ts';
import {
  metricOf,
  scoreOf,
  tokenRowsOf,
  type Evaluation,
  type Probe,
  type ProbeMetrics,
} from '../../src/run/record.ts';

/** What a run on facts is told by. */
export interface ToldRun {
  /** Numbers of the probe, in the order of steps, from before the first one on. */
  readonly probe: readonly ProbeMetrics[];
  readonly evaluations: readonly Evaluation[];
}

/** What a run on facts goes through. Steps are those at which somebody looked. */
export interface Stages {
  readonly untrained: Readonly<Record<(typeof SHOWN)[number], number>>;
  /** Where most attention goes to the same wording. */
  readonly wordingPeak: { readonly step: number; readonly share: number; readonly partnerShare: number };
  /** First and last look at which the same wording has more than half of the attention. */
  readonly wordingOverHalf: readonly [first: number, last: number] | undefined;
  /** From when on the partner has more attention than the same wording, and more than half; undefined: never for good. */
  readonly partnerLeads: number | undefined;
  readonly partnerOverHalf: number | undefined;
  /** First look at which every chunk of the probe finds its partner. */
  readonly allFound: number | undefined;
  /** Over all held-out batches: recall@1, and the gain of context in nats per token. */
  readonly heldOut: readonly { readonly step: number; readonly recallAt1: number; readonly gain: number }[];
  /** Steps at which context costs more than it brings on held-out text. */
  readonly contextHurts: readonly number[];
  /** From when on it brings at least a tenth of a nat per token there. */
  readonly gainOverTenth: number | undefined;
}

const SHOWN = [
  'wordingShare',
  'wordingShareByChance',
  'partnerShare',
  'partnerShareByChance',
  'recallAt1',
  'chance',
  'contrast',
] as const;

export function stagesOf({ probe, evaluations }: ToldRun): Stages {
  const [untrained] = probe;
  if (untrained?.step !== 0) throw new Error('The run was not looked at before its first step.');
  const of = (key: string) => (at: ProbeMetrics) => metricOf(at, key);
  const [wording, partner] = [of('wordingShare'), of('partnerShare')];
  const peak = probe.reduce((best, one) => (wording(one) > wording(best) ? one : best));
  const grouped = probe.filter((one) => wording(one) > 0.5);
  const heldOut = evaluations.map((one) => ({
    step: one.step,
    recallAt1: short(scoreOf(one, 'recallAt1') ?? NaN),
    gain: short((scoreOf(one, 'isolatedLoss') ?? NaN) - (scoreOf(one, 'ntpLoss') ?? NaN)),
  }));
  return {
    untrained: Object.fromEntries(SHOWN.map((key) => [key, short(metricOf(untrained, key))])) as Stages['untrained'],
    wordingPeak: { step: peak.step, share: short(wording(peak)), partnerShare: short(partner(peak)) },
    wordingOverHalf: grouped[0] && [grouped[0].step, grouped.at(-1)!.step],
    partnerLeads: forGood(probe, (one) => partner(one) > wording(one)),
    partnerOverHalf: forGood(probe, (one) => partner(one) > 0.5),
    allFound: probe.find((one) => metricOf(one, 'recallAt1') === 1)?.step,
    heldOut,
    contextHurts: heldOut.filter(({ gain }) => gain < 0).map(({ step }) => step),
    gainOverTenth: forGood(heldOut, ({ gain }) => gain >= 0.1),
  };
}

/** What a partner saves more than another chunk, and what reading saves in all, over the looks of a stretch of steps. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly looks: number;
  /** Nats per token; the errors are over the rows of the probe, whose numbers are means over the looks. */
  readonly contrast: Estimate;
  readonly gain: Estimate;
}

interface Estimate {
  readonly mean: number;
  readonly standardError: number;
  /** Rows above 0. */
  readonly above: number;
}

/** Contrast and gain of a probe by rows, over stretches of steps, both ends included. */
export function stretchesOf({ batch, records }: Probe, bounds: readonly (readonly [number, number])[]): Stretch[] {
  const labels = batch.chunks.map(({ document }) => document);
  return bounds.map(([from, to]) => {
    const looks = records.filter(({ metrics: { step } }) => step >= from && step <= to);
    const contrasts = looks.map((one) => {
      const predicted = tokenRowsOf(one, 'tokenLoss').map(({ length }) => length);
      return rowContrasts({ labels, attentionGradient: one['attentionGradient'] as readonly number[], predicted });
    });
    const gains = looks.map((one) => {
      const alone = tokenRowsOf(one, 'isolatedTokenLoss');
      return tokenRowsOf(one, 'tokenLoss').map((row, i) => mean(alone[i] ?? []) - mean(row));
    });
    return { from, to, looks: looks.length, contrast: estimate(contrasts), gain: estimate(gains) };
  });
}

/** The same of a run whose probe is known by its numbers alone. */
export interface MeanStretch {
  readonly from: number;
  readonly to: number;
  readonly contrast: number;
  readonly gain: number;
}

export function meansOf(probe: readonly ProbeMetrics[], bounds: readonly (readonly [number, number])[]): MeanStretch[] {
  return bounds.map(([from, to]) => {
    const looks = probe.filter(({ step }) => step >= from && step <= to);
    const gains = looks.map((one) => metricOf(one, 'isolatedLoss') - metricOf(one, 'ntpLoss'));
    return {
      from,
      to,
      contrast: short(mean(looks.map((one) => metricOf(one, 'contrast'))), 4),
      gain: short(mean(gains), 4),
    };
  });
}

function estimate(looks: readonly (readonly (number | undefined)[])[]): Estimate {
  const rows = (looks[0] ?? []).map((_, i) => mean(looks.map((one) => one[i] ?? NaN)));
  const average = mean(rows);
  const variance = rows.reduce((sum, value) => sum + (value - average) ** 2, 0) / (rows.length - 1);
  return {
    mean: short(average, 4),
    standardError: short(Math.sqrt(variance / rows.length), 4),
    above: rows.filter((value) => value > 0).length,
  };
}

/** The first of the last unbroken stretch that is so; undefined where the last is not. */
function forGood<T extends { readonly step: number }>(
  looks: readonly T[],
  isSo: (look: T) => boolean,
): number | undefined {
  return looks[looks.findLastIndex((one) => !isSo(one)) + 1]?.step;
}

function short(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}

/** Before training, while it groups by wording, while it unlearns that, with the partner found, and while the language model learns. */
export const STRETCHES = [
  [0, 0],
  [4, 16],
  [20, 64],
  [68, 120],
  [124, 200],
  [204, 300],
  [304, 400],
  [404, 500],
  [504, 600],
  [604, 700],
] as const;
