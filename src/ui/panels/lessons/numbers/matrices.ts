import { matrixOf, tokenRowsOf, type Picture } from '../../../../run/record.ts';

/** A [B, B] of a picture, row-major, by rows. */
function rowsOf(picture: Picture, key: string): number[][] {
  const matrix = matrixOf(picture, key);
  const size = matrix.length === 0 ? 0 : picture.batch.chunks.length;
  return Array.from({ length: size }, (_, i) => Array.from(matrix.slice(i * size, (i + 1) * size)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Largest A_ii. */
export function diagonal(picture: Picture): number {
  return Math.max(...rowsOf(picture, 'attention').map((row, i) => Math.abs(row[i] ?? NaN)));
}

/** Largest |Σ_j A_ij − 1|. */
export function rowSumError(picture: Picture): number {
  return Math.max(...rowsOf(picture, 'attention').map((row) => Math.abs(sum(row) - 1)));
}

/** Largest |A_ij − softmax_{j≠i}(S_ij / τ)|. */
export function softmaxError(picture: Picture, temperature: number): number {
  const attention = rowsOf(picture, 'attention');
  const errors = rowsOf(picture, 'similarity').flatMap((row, i) => {
    const highest = Math.max(...row.filter((_, j) => j !== i));
    const weights = row.map((s, j) => (j === i ? 0 : Math.exp((s - highest) / temperature)));
    const total = sum(weights);
    return weights.map((weight, j) => Math.abs((attention[i]?.[j] ?? NaN) - weight / total));
  });
  return Math.max(...errors);
}

/** Largest |S_ij|. */
export function largestSimilarity(picture: Picture): number {
  return Math.max(...matrixOf(picture, 'similarity').map(Math.abs));
}

/** Largest |S_ij − S_ji|. */
export function asymmetry(picture: Picture): number {
  const similarity = rowsOf(picture, 'similarity');
  return Math.max(...similarity.flatMap((row, i) => row.map((s, j) => Math.abs(s - (similarity[j]?.[i] ?? NaN)))));
}

export function pairsRead(picture: Picture): number {
  return matrixOf(picture, 'attention').filter((a) => a !== 0).length;
}

/** How a chunk that is read belongs to the one that reads. */
export type Bond = 'partner' | 'wording';

/** Whether chunks i ≠ j are of one document; or, of two documents, told in one sentence. */
function isBound({ batch: { chunks } }: Picture, bond: Bond, i: number, j: number): boolean {
  const [one, other] = [chunks[i], chunks[j]];
  if (i === j || !one || !other) return false;
  const isPartner = one.document === other.document;
  if (bond === 'partner') return isPartner;
  return !isPartner && one.wording !== undefined && one.wording === other.wording;
}

/** Mean over the rows that have such a neighbour of the attention on all of theirs; NaN where no row has one. */
export function attentionOn(picture: Picture, bond: Bond): number {
  return meanOfRows(picture, bond, (row, i) => sum(row.filter((_, j) => isBound(picture, bond, i, j))));
}

/** The same if all others were read alike. */
export function attentionByChance(picture: Picture, bond: Bond): number {
  return meanOfRows(
    picture,
    bond,
    (row, i) => row.filter((_, j) => isBound(picture, bond, i, j)).length / (row.length - 1),
  );
}

/**
 * What a unit of attention saves on such neighbours more than on the others, to first order: the mean over the rows that have both of
 * −(mean g_ij of these − mean of those) · R / R_i, in nats per token of the row (g_ij = ∂L/∂A_ij, R tokens predicted, R_i of them in
 * the row). NaN where a picture has no g.
 */
export function advantage(picture: Picture, bond: Bond): number {
  const tokens = tokenRowsOf(picture, 'tokenLoss').map(({ length }) => length);
  const all = sum(tokens);
  const values = rowsOf(picture, 'attentionGradient').flatMap((row, i) => {
    const bound = row.filter((_, j) => isBound(picture, bond, i, j));
    const others = row.filter((_, j) => j !== i && !isBound(picture, bond, i, j));
    return bound.length === 0 || others.length === 0 ? [] : [((mean(others) - mean(bound)) * all) / (tokens[i] ?? NaN)];
  });
  return values.length === 0 ? NaN : mean(values);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function meanOfRows(picture: Picture, bond: Bond, of: (row: readonly number[], i: number) => number): number {
  const values = rowsOf(picture, 'attention').flatMap((row, i) =>
    row.some((_, j) => isBound(picture, bond, i, j)) ? [of(row, i)] : [],
  );
  return sum(values) / values.length;
}

/** Share of the chunks that have another of their document in the batch. */
export function rowsWithPartner(picture: Picture): number {
  const { chunks } = picture.batch;
  return chunks.filter((_, i) => chunks.some((__, j) => isBound(picture, 'partner', i, j))).length / chunks.length;
}

/** Largest change of an entry from one picture of the same batch to another. */
export function largestChange(before: Picture, after: Picture, key: string): number {
  const was = matrixOf(before, key);
  return Math.max(...matrixOf(after, key).map((value, at) => Math.abs(value - (was[at] ?? NaN))));
}
