/** Points of a line thinned to at most one per `width` slot: means, so that a long noisy run stays readable. */
export function thin(
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  slots: number,
): { readonly x: number; readonly y: number }[] {
  const length = Math.min(xs.length, ys.length);
  const per = Math.max(1, Math.ceil(length / Math.max(1, slots)));
  const points: { x: number; y: number }[] = [];
  for (let start = 0; start < length; start += per) {
    const end = Math.min(length, start + per);
    let x = 0;
    let y = 0;
    let count = 0;
    for (let i = start; i < end; i++) {
      const value = ys[i] ?? NaN;
      if (!Number.isFinite(value)) continue;
      x += xs[i] ?? 0;
      y += value;
      count++;
    }
    // The last point stands at its own step, so that a line ends where the run does.
    const isLast = end === length;
    if (count > 0) points.push({ x: isLast ? (xs[length - 1] ?? 0) : x / count, y: y / count });
  }
  return points;
}

/** The next round number at or above: axes that grow in a few jumps, not with every step. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const mantissa = [1, 1.5, 2, 3, 4, 5, 7.5, 10].find((candidate) => candidate * power >= value * (1 - 1e-9)) ?? 10;
  return mantissa * power;
}

/** Moves labels apart to at least `gap`, as little as possible, inside [low, high]; keeps their order. */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const placed = [...wanted];
  let floor = low;
  for (const i of order) {
    placed[i] = Math.max(floor, placed[i] ?? low);
    floor = (placed[i] ?? low) + gap;
  }
  let ceiling = high;
  for (const i of order.reverse()) {
    placed[i] = Math.min(ceiling, placed[i] ?? high);
    ceiling = (placed[i] ?? high) - gap;
  }
  return placed;
}

/** Index of the last x at or before `value`; −1 when all are later. */
export function lastAtOrBefore(xs: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((xs[middle] ?? Infinity) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
