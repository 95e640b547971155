export interface ReferenceLosses {
  loss: number;
  tokenLoss: Float64Array;
}

/** Mean and single losses of hidden [T, D] under a head [V, D], all logits at once, in f64. */
export function linearCrossEntropyReference(
  hidden: ArrayLike<number>,
  head: ArrayLike<number>,
  width: number,
  positions: ArrayLike<number>,
  targets: ArrayLike<number>,
): ReferenceLosses {
  const vocabulary = head.length / width;
  const tokenLoss = Float64Array.from({ length: positions.length }, (_, r) => {
    const logits = Float64Array.from({ length: vocabulary }, (_row, v) => {
      let logit = 0;
      for (let d = 0; d < width; d++)
        logit += (hidden[(positions[r] ?? NaN) * width + d] ?? NaN) * (head[v * width + d] ?? NaN);
      return logit;
    });
    const target = logits[targets[r] ?? NaN] ?? NaN;
    // Relative to the target's logit, so that a loss near 0 keeps its digits.
    const highest = Math.max(...logits);
    const others = logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
    return highest - target + Math.log(others);
  });
  return { loss: tokenLoss.reduce((sum, loss) => sum + loss, 0) / positions.length, tokenLoss };
}
