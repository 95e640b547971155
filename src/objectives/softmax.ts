/**
 * Shares made of similarities (docs/METHOD.md, step 2), in f64: row i is the softmax of S_ij / τ over j ≠ i where nothing stands on the
 * diagonal (it is 0 then), over all j where the answer does. The row's highest is taken off before the division, so that no τ overflows;
 * equal similarities share alike. A row with nobody else in it is 0.
 * @param similarity S [B, B], row-major.
 * @param temperature τ > 0.
 * @returns [B, B], row-major.
 */
export function softmaxRows(
  similarity: ArrayLike<number>,
  size: number,
  temperature: number,
  diagonal: 'nothing' | 'answer',
): number[] {
  if (!(temperature > 0)) throw new RangeError(`A temperature is above 0, not ${temperature}.`);
  const shares = Array.from({ length: size * size }, () => 0);
  for (let row = 0; row < size; row++) {
    const counts = (column: number): boolean => column !== row || diagonal === 'answer';
    const at = (column: number): number => row * size + column;
    let highest = -Infinity;
    for (let column = 0; column < size; column++) {
      if (counts(column)) highest = Math.max(highest, similarity[at(column)] ?? NaN);
    }
    let sum = 0;
    for (let column = 0; column < size; column++) {
      if (!counts(column)) continue;
      const weight = Math.exp(((similarity[at(column)] ?? NaN) - highest) / temperature);
      shares[at(column)] = weight;
      sum += weight;
    }
    for (let column = 0; column < size; column++)
      if (counts(column)) shares[at(column)] = (shares[at(column)] ?? 0) / sum;
  }
  return shares;
}

/**
 * How far a share follows its own similarity: ∂A_ij / ∂S_ij = A_ij (1 − A_ij) / τ. Whatever the loss says of A_ij reaches S_ij
 * through this factor: it is 0 where a share is 0 or 1, however much the loss would like it changed.
 * @param shares [B, B] or a row of it.
 */
export function gradientFactors(shares: readonly number[], temperature: number): number[] {
  return shares.map((share) => (share * (1 - share)) / temperature);
}
