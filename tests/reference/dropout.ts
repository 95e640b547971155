/** pcg4d of four words, by whole numbers without bound: what shaders/lib/dropoutMask.wgsl does in 32 bits. */
export function pcg4d(place: readonly [number, number, number, number]): number[] {
  const wrap = (value: bigint): bigint => BigInt.asUintN(32, value);
  let [x, y, z, w] = place.map((word) => wrap(BigInt(word) * 1664525n + 1013904223n)) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  const round = (): void => {
    x = wrap(x + y * w);
    y = wrap(y + z * x);
    z = wrap(z + x * y);
    w = wrap(w + y * z);
  };
  round();
  [x, y, z, w] = [x ^ (x >> 16n), y ^ (y >> 16n), z ^ (z >> 16n), w ^ (w >> 16n)];
  round();
  return [x, y, z, w].map(Number);
}

export interface ReferenceMask {
  readonly rate: number;
  readonly key: readonly [number, number];
  readonly site: number;
}

/** The 32 bits of every number of a [T, K] matrix under a key and a site. */
export function maskBits({ key, site }: Omit<ReferenceMask, 'rate'>, t: number, k: number): Uint32Array {
  const bits = new Uint32Array(t * k);
  for (let row = 0; row < t; row++)
    for (let column = 0; column < k; column += 4) {
      const words = pcg4d([column / 4, row, (site ^ key[0]) >>> 0, key[1]]);
      for (let i = 0; i < 4 && column + i < k; i++) bits[row * k + column + i] = words[i]!;
    }
  return bits;
}

/** What x [T, K] is multiplied by, number by number: 0 or 1 / (1 − rate), in f64. */
export function dropoutFactors(mask: ReferenceMask, t: number, k: number): Float64Array {
  const threshold = Math.floor(mask.rate * 2 ** 32);
  return Float64Array.from(maskBits(mask, t, k), (word) => (word < threshold ? 0 : 1 / (1 - mask.rate)));
}
