import { mean } from '../scores.ts';

/** A batch as the models saw it. Matrices are row-major [B, B]. */
export interface ProbedBatch {
  /** Equal labels belong together: [B]. */
  readonly labels: readonly number[];
  /** Equal numbers are one sentence: [B]; undefined where that is not known. */
  readonly wordings: readonly (number | undefined)[];
  /** A. */
  readonly attention: ArrayLike<number>;
  /** ∂L/∂A; undefined where nothing reads. */
  readonly attentionGradient: ArrayLike<number> | undefined;
  /** R_i: tokens predicted in each chunk. */
  readonly predicted: readonly number[];
}

/** Whom a batch reads, and whom it would gain from reading (docs/METHOD.md, "Measures"). Undefined: no row has such a number. */
export function probeMetrics(batch: ProbedBatch): Record<string, number | undefined> {
  const { labels, wordings } = batch;
  const isPartner = (i: number, j: number): boolean => labels[i] === labels[j];
  const sharesWording = (i: number, j: number): boolean =>
    wordings[i] !== undefined && wordings[i] === wordings[j] && !isPartner(i, j);
  const partner = attentionOn(batch, isPartner);
  const wording = attentionOn(batch, sharesWording);
  const contrasts = rowContrasts(batch).filter((one) => one !== undefined);
  return {
    partnerShare: partner.share,
    partnerShareByChance: partner.byChance,
    wordingShare: wording.share,
    wordingShareByChance: wording.byChance,
    contrast: contrasts.length === 0 ? undefined : mean(contrasts),
  };
}

type Relation = (i: number, j: number) => boolean;

/** Mean over the rows that have such others of the attention on them, and what reading all others alike gives to them. */
function attentionOn({ labels, attention }: ProbedBatch, isSuch: Relation) {
  const size = labels.length;
  const rows = othersOf(size)
    .map((others, i) => ({ i, found: others.filter((j) => isSuch(i, j)) }))
    .filter(({ found }) => found.length > 0);
  if (rows.length === 0) return { share: undefined, byChance: undefined };
  const weight = (i: number, j: number): number => attention[i * size + j] ?? NaN;
  return {
    share: mean(rows.map(({ i, found }) => found.reduce((sum, j) => sum + weight(i, j), 0))),
    byChance: mean(rows.map(({ found }) => found.length / (size - 1))),
  };
}

/**
 * −(mean of g_ij over partners − mean of g_ij over others) · R / R_i for each row i, g = ∂L/∂A: by how many nats per token of chunk i a
 * unit of attention lowers its loss more on a partner than on another chunk, to first order. Where g is exactly 0 nothing was read, and
 * nothing is known; rows without a partner that is read, or without tokens to predict, have no such number.
 */
export function rowContrasts({
  labels,
  attentionGradient: g,
  predicted,
}: Pick<ProbedBatch, 'labels' | 'attentionGradient' | 'predicted'>): (number | undefined)[] {
  const size = labels.length;
  const total = predicted.reduce((sum, count) => sum + count, 0);
  return othersOf(size).map((others, i) => {
    const slopes = (ofPartners: boolean): number[] =>
      others
        .filter((j) => (labels[j] === labels[i]) === ofPartners)
        .map((j) => g?.[i * size + j] ?? 0)
        .filter((slope) => slope !== 0);
    const [partners, rivals] = [slopes(true), slopes(false)];
    const own = predicted[i] ?? 0;
    if (partners.length === 0 || rivals.length === 0 || own === 0) return undefined;
    return ((mean(rivals) - mean(partners)) * total) / own;
  });
}

/** For each of so many chunks, all but itself. */
function othersOf(size: number): number[][] {
  const all = Array.from({ length: size }, (_, j) => j);
  return all.map((i) => all.filter((j) => j !== i));
}
