/** A matrix [B, B] in row-major order, as it comes back from the GPU. */
type Matrix = ArrayLike<number>;

export interface RecallAt1 {
  /** Mean over the counted rows; undefined when no row has both a partner and a rival. */
  readonly recall: number | undefined;
  /** Expected recall of a random ranking over the same rows. */
  readonly chance: number | undefined;
  /** How many rows count. */
  readonly rows: number;
}

function requireSquare(matrix: Matrix, size: number): void {
  if (matrix.length !== size * size) {
    throw new RangeError(`The matrix has ${matrix.length} entries; ${size} labels need ${size * size}.`);
  }
}

/** Credit of one row: 1 if the best j ≠ i carries its label; tied best ones share the credit. NaN ranks last. */
function rowCredit(similarity: Matrix, labels: readonly number[], i: number): number {
  let top = -Infinity;
  let tied = 0;
  let right = 0;
  for (let j = 0; j < labels.length; j++) {
    if (j === i) continue;
    const score = similarity[i * labels.length + j] ?? NaN;
    if (Number.isNaN(score) || score < top) continue;
    if (score > top || tied === 0) {
      top = score;
      tied = 0;
      right = 0;
    }
    tied++;
    if (labels[j] === labels[i]) right++;
  }
  return tied === 0 ? 0 : right / tied;
}

/**
 * What each row i of S [B, B] finds: 1 if its highest S_ij among j ≠ i has its label, a share where some of those tied for the
 * highest have it; undefined for rows that do not count (see recallAt1).
 */
export function rowCredits(similarity: Matrix, labels: readonly number[]): (number | undefined)[] {
  const size = labels.length;
  requireSquare(similarity, size);
  return labels.map((label, i) => {
    const partners = labels.filter((other) => other === label).length - 1;
    return partners === 0 || partners === size - 1 ? undefined : rowCredit(similarity, labels, i);
  });
}

/**
 * recall@1 within a batch: the share of rows i whose highest S_ij among j ≠ i has the label of i. Rows without a partner
 * (their label occurs once) are skipped, since they could not be right; so are rows whose label all others share, since
 * they could not be wrong.
 * @param similarity S [B, B], rows = queries.
 * @param labels [B].
 */
export function recallAt1(similarity: Matrix, labels: readonly number[]): RecallAt1 {
  let credit = 0;
  let chance = 0;
  let rows = 0;
  for (const [i, found] of rowCredits(similarity, labels).entries()) {
    if (found === undefined) continue;
    credit += found;
    chance += (labels.filter((label) => label === labels[i]).length - 1) / (labels.length - 1);
    rows++;
  }
  return rows === 0
    ? { recall: undefined, chance: undefined, rows }
    : { recall: credit / rows, chance: chance / rows, rows };
}

/** Mean of several batches' recall, each row weighing the same. */
export function combineRecall(parts: readonly RecallAt1[]): RecallAt1 {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  if (rows === 0) return { recall: undefined, chance: undefined, rows };
  const mean = (value: (part: RecallAt1) => number | undefined): number =>
    parts.reduce((sum, part) => sum + (value(part) ?? 0) * part.rows, 0) / rows;
  return { recall: mean((part) => part.recall), chance: mean((part) => part.chance), rows };
}

/**
 * Effective number of documents each row of A reads: exp(−Σ_j A_ij ln A_ij), from 1 (one neighbour) to B − 1 (all alike).
 * @param attention A [B, B], rows sum to 1, diagonal 0.
 */
export function effectiveDocuments(attention: Matrix, size: number): number[] {
  requireSquare(attention, size);
  return Array.from({ length: size }, (_, i) => {
    let entropy = 0;
    for (let j = 0; j < size; j++) {
      const weight = attention[i * size + j] ?? 0;
      if (weight > 0) entropy -= weight * Math.log(weight);
    }
    return Math.exp(entropy);
  });
}
