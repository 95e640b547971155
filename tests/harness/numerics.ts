/** Single-precision rounding unit, 2^-24 doubled: the relative spacing of f32 numbers. */
export const EPS_F32 = 2 ** -23;

/** A small seeded generator (mulberry32), so that a failing case can be run again. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Uniform numbers in [-scale, scale). */
export function randomArray(random: () => number, length: number, scale = 1): Float32Array {
  return Float32Array.from({ length }, () => (2 * random() - 1) * scale);
}

/** A whole number in [low, high]. */
export function randomInt(random: () => number, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

/**
 * Fails unless every |actual − expected| ≤ abs + rel·|expected|, naming the worst element. NaN never passes.
 * `abs` should follow from the size of the sums involved, `rel` from the format's rounding unit.
 */
export function expectClose(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: { abs: number; rel?: number },
): void {
  if (actual.length !== expected.length)
    throw new Error(`${what}: ${actual.length} values, expected ${expected.length}.`);
  let worst = 0;
  let at = -1;
  for (let i = 0; i < actual.length; i++) {
    const a = actual[i] ?? NaN;
    const e = expected[i] ?? NaN;
    const ratio = Math.abs(a - e) / (tolerance.abs + (tolerance.rel ?? 0) * Math.abs(e));
    if (!(ratio <= worst)) {
      worst = Number.isNaN(ratio) ? Infinity : ratio;
      at = i;
      if (worst === Infinity) break;
    }
  }
  if (worst > 1)
    throw new Error(
      `${what}[${at}]: got ${actual[at]}, expected ${expected[at]} (${worst.toFixed(2)} × the tolerance)`,
    );
}

/**
 * Gradient of `f` at `inputs` by central differences, in f64. `f` gets fresh f64 copies; with smooth f and step h the
 * error is about h² + 1e-16/h, so h = 1e-5 gives some ten good digits: far more than f32 has.
 */
export function numericGradients(
  f: (inputs: Float64Array[]) => number,
  inputs: readonly ArrayLike<number>[],
  step = 1e-5,
): Float64Array[] {
  const point = inputs.map((input) => Float64Array.from(input));
  return point.map((input) =>
    Float64Array.from(input, (value, i) => {
      input[i] = value + step;
      const above = f(point);
      input[i] = value - step;
      const below = f(point);
      input[i] = value;
      return (above - below) / (2 * step);
    }),
  );
}

/** Σ weights·values: turns an op's output into the scalar whose gradient is checked. */
export function weightedSum(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] ?? NaN) * (weights[i] ?? NaN);
  return sum;
}
