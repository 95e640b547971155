import {
  metricOf,
  probePicture,
  scoreOf,
  tokenRowsOf,
  type Evaluation,
  type ProbePicture,
  type ProbeRecord,
  type StepRecord,
} from '../../../../run/record.ts';
import { comparisons, type Rival } from '../../../../run/significance.ts';
import type { Observed } from './observed.ts';
import {
  advantage,
  asymmetry,
  attentionByChance,
  attentionOn,
  diagonal,
  largestChange,
  largestSimilarity,
  pairsRead,
  rowsWithPartner,
  rowSumError,
  softmaxError,
} from './matrices.ts';

/** A number that a lesson speaks of: how to take it from a run, and what to call it. */
export interface Quantity {
  readonly label: string;
  /** Decimals it is shown with. */
  readonly digits: number;
  /** NaN where a run has none. */
  readonly of: (run: Observed) => number;
}

/**
 * By their names in the lessons' data. Of the last step, with the weights before it, unless the name says otherwise: `heldOut…` is of
 * the last evaluation, `…Before` of the one before training, `probe…` of the batch that stays the same.
 */
export const QUANTITIES = {
  ntpLoss: { label: 'loss with context', digits: 3, of: step('ntpLoss') },
  isolatedLoss: { label: 'loss alone', digits: 3, of: step('isolatedLoss') },
  firstLoss: {
    label: 'loss with context, first step',
    digits: 3,
    of: ({ metrics }) => (metrics[0] ? metricOf(metrics[0], 'ntpLoss') : NaN),
  },
  gain: { label: 'gain of context', digits: 3, of: difference(step('isolatedLoss'), step('ntpLoss')) },
  recallAt1: { label: 'recall@1 on this batch', digits: 2, of: step('recallAt1') },
  chance: { label: 'chance', digits: 3, of: step('chance') },
  effectiveDocuments: { label: 'read per row', digits: 2, of: step('effectiveDocuments') },
  retrieverGradientNorm: { label: 'gradient of the retriever', digits: 4, of: step('retrieverGradientNorm') },
  languageModelGradientNorm: {
    label: 'gradient of the language model',
    digits: 3,
    of: step('languageModelGradientNorm'),
  },
  largestRetrieverGradient: {
    label: 'gradient of the retriever, largest',
    digits: 2,
    of: ({ metrics }) => Math.max(...metrics.map((one) => one.retrieverGradientNorm)),
  },
  medianRetrieverGradient: {
    label: 'gradient of the retriever, median',
    digits: 4,
    of: ({ metrics }) => median(metrics.map((one) => one.retrieverGradientNorm)),
  },
  stepsWithoutGradient: {
    label: 'steps whose gradient is exactly 0',
    digits: 2,
    of: ({ metrics }) => metrics.filter((one) => one.retrieverGradientNorm === 0).length / metrics.length,
  },
  contextEffect: { label: 'effect of context on a token’s loss', digits: 3, of: last(contextEffect) },
  diagonal: { label: 'largest A on the diagonal', digits: 3, of: last(diagonal) },
  rowSumError: { label: 'rows of A miss 1 by', digits: 7, of: last(rowSumError) },
  softmaxError: {
    label: 'A misses softmax(S / τ) by',
    digits: 7,
    of: ({ record, configuration }) => (record ? softmaxError(record, configuration.temperature) : NaN),
  },
  largestSimilarity: { label: 'largest |S|', digits: 3, of: last(largestSimilarity) },
  asymmetry: { label: 'S and its mirror differ by', digits: 3, of: last(asymmetry) },
  pairsRead: { label: 'pairs that are read', digits: 0, of: last(pairsRead) },
  rowsWithPartner: { label: 'share of chunks with a partner', digits: 2, of: last(rowsWithPartner) },
  wordingShare: { label: 'read of the same sentence', digits: 2, of: last((one) => attentionOn(one, 'wording')) },
  wordingShareByChance: {
    label: '– if all were read alike',
    digits: 2,
    of: last((one) => attentionByChance(one, 'wording')),
  },
  partnerShare: { label: 'read of the partner', digits: 2, of: last((one) => attentionOn(one, 'partner')) },

  heldOutRecallAt1: { label: 'recall@1, held out', digits: 2, of: heldOut('recallAt1') },
  heldOutTfidf: { label: '– of TF-IDF', digits: 2, of: heldOut('tfidfRecallAt1') },
  heldOutBm25: { label: '– of BM25', digits: 2, of: heldOut('bm25RecallAt1') },
  heldOutUntrained: { label: '– of the untrained retriever', digits: 2, of: heldOut('untrainedRecallAt1') },
  heldOutChance: { label: '– by chance', digits: 2, of: heldOut('chance') },
  heldOutLoss: { label: 'loss with context, held out', digits: 2, of: heldOut('ntpLoss') },
  heldOutLossAlone: { label: 'loss alone, held out', digits: 2, of: heldOut('isolatedLoss') },
  heldOutGain: { label: 'gain, held out', digits: 3, of: difference(heldOut('isolatedLoss'), heldOut('ntpLoss')) },
  heldOutEffectiveDocuments: { label: 'read per row, held out', digits: 1, of: heldOut('effectiveDocuments') },
  heldOutRecallBefore: { label: 'recall@1 before training', digits: 2, of: before('recallAt1') },
  heldOutGainBefore: {
    label: 'gain before training, held out',
    digits: 3,
    of: difference(before('isolatedLoss'), before('ntpLoss')),
  },
  heldOutLossBefore: { label: 'loss with context before training', digits: 2, of: before('ntpLoss') },

  heldOutPUntrained: { label: 'p, against the untrained one', digits: 3, of: pAgainst('untrained') },
  heldOutPTfidf: { label: 'p, against TF-IDF', digits: 3, of: pAgainst('tfidf') },

  probeContrast: { label: 'partner’s advantage, nats', digits: 3, of: probe('contrast') },
  probeContrastBefore: {
    label: 'partner’s advantage, nats',
    digits: 3,
    of: probed((one) => advantage(one, 'partner'), 0),
  },
  probeWordingContrast: {
    label: 'same sentence’s advantage',
    digits: 3,
    of: probed((one) => advantage(one, 'wording'), -1),
  },
  probePartnerShare: { label: 'read of the partner', digits: 2, of: probe('partnerShare') },
  probeWordingShare: { label: 'read of the same sentence', digits: 2, of: probe('wordingShare') },
  probeGain: { label: 'gain of context, nats', digits: 3, of: difference(probe('isolatedLoss'), probe('ntpLoss')) },
  probeRecallAt1: { label: 'recall@1', digits: 2, of: probe('recallAt1') },
  probeShift: {
    label: 'S of the probe moved by',
    digits: 4,
    of: ({ probe: seen }) => {
      const [first, latest] = [seen?.records[0], seen?.records.at(-1)];
      if (!seen || !first || !latest) return NaN;
      return largestChange(probePicture(seen, first), probePicture(seen, latest), 'similarity');
    },
  },
} as const satisfies Record<string, Quantity>;

export type QuantityName = keyof typeof QUANTITIES;

export function isQuantity(name: string): name is QuantityName {
  return Object.hasOwn(QUANTITIES, name);
}

/** Whether a number needs the batches for scores, which take time to look at. */
export function needsScores(name: string): boolean {
  return name.startsWith('heldOut');
}

/** Whether a number is of the batch that stays the same through a run. */
export function isOfProbe(name: string): boolean {
  return name.startsWith('probe');
}

/** Numbers of a run, by their names. */
export function take(names: readonly QuantityName[], run: Observed): Partial<Record<QuantityName, number>> {
  return Object.fromEntries(names.map((name) => [name, QUANTITIES[name].of(run)]));
}

type Of = (run: Observed) => number;

function step(key: string): Of {
  return last(({ metrics }) => metricOf(metrics, key));
}

function last(of: (record: StepRecord) => number): Of {
  return ({ record }) => (record ? of(record) : NaN);
}

function heldOut(key: string): Of {
  return ({ evaluations }) => score(evaluations.at(-1), key);
}

function before(key: string): Of {
  return ({ evaluations: [first] }) => (first?.step === 0 ? score(first, key) : NaN);
}

function score(evaluation: Evaluation | undefined, key: string): number {
  return scoreOf(evaluation, key) ?? NaN;
}

function probe(key: string): Of {
  return ({ probe: seen }) => {
    const latest: ProbeRecord | undefined = seen?.records.at(-1);
    return latest ? metricOf(latest.metrics, key) : NaN;
  };
}

/** Of the batch that stays the same, as it was seen first (0) or last (−1). */
function probed(of: (picture: ProbePicture) => number, at: 0 | -1): Of {
  return ({ probe: seen }) => {
    const record = seen?.records.at(at);
    return seen && record ? of(probePicture(seen, record)) : NaN;
  };
}

/** How likely chance alone gives such a difference to a rival, by the sign-flip test over chunks. */
function pAgainst(rival: Rival): Of {
  return ({ evaluations }) => comparisons(evaluations.at(-1)).get(rival)?.p ?? NaN;
}

function difference(one: Of, other: Of): Of {
  return (run) => one(run) - other(run);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** Mean over all predicted tokens of |loss alone − loss with context|: how much the neighbours matter, for good or bad. */
function contextEffect(record: StepRecord): number {
  const alone = tokenRowsOf(record, 'isolatedTokenLoss');
  const differences = tokenRowsOf(record, 'tokenLoss').flatMap((row, i) =>
    row.map((loss, t) => Math.abs((alone[i]?.[t] ?? NaN) - loss)),
  );
  return differences.reduce((sum, value) => sum + value, 0) / differences.length;
}
