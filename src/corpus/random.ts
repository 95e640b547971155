/** Everything needed to continue a generator exactly where it stopped; plain JSON. */
export interface RandomState {
  readonly key0: number;
  readonly key1: number;
  readonly counter: number;
}

const TWO_32 = 2 ** 32;

/** A bijection of 32-bit words with low bias (xor-shift-multiply; constants found by C. Wellons' hash search, "lowbias32"). */
function mix(word: number): number {
  let x = word >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** FNV-1a over the UTF-16 units of a label. */
function hashLabel(label: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/**
 * A seeded counter-based generator: output n is a keyed hash of n, mix(mix(n ⊕ key0) + key1), so the whole state is two
 * 32-bit keys and a counter, and the same arithmetic can be done in WGSL. Period 2³². Not for cryptography.
 */
export class Random {
  private constructor(
    private readonly key0: number,
    private readonly key1: number,
    private counter: number,
  ) {}

  /** A generator for a seed (any finite number; integers up to 2⁵³ give different streams). */
  static fromSeed(seed: number): Random {
    if (!Number.isFinite(seed)) throw new RangeError(`The seed is ${seed}. Use a finite number.`);
    const whole = Math.trunc(seed);
    const low = whole >>> 0;
    const high = Math.trunc(whole / TWO_32) >>> 0;
    return new Random(mix(low ^ 0x9e3779b9), mix(mix(high ^ 0x85ebca6b) ^ low), 0);
  }

  static fromState(state: RandomState): Random {
    return new Random(state.key0, state.key1, state.counter);
  }

  get state(): RandomState {
    return { key0: this.key0, key1: this.key1, counter: this.counter };
  }

  /**
   * An independent generator for a purpose ("names", "epoch 3"). It depends on the keys and the label, not on how many
   * numbers were drawn, so adding a draw in one place never changes another.
   */
  fork(label: string): Random {
    const hash = hashLabel(label);
    const key0 = mix(mix(this.key0 ^ hash) + 0x27d4eb2f);
    return new Random(key0, mix(mix(this.key1 + hash) ^ key0), 0);
  }

  /** The next 32 random bits as an integer in [0, 2³²). */
  bits(): number {
    const n = this.counter;
    this.counter = (n + 1) % TWO_32;
    return mix(mix(n ^ this.key0) + this.key1);
  }

  /** Uniform in [0, 1), with 32 bits of resolution. */
  uniform(): number {
    return this.bits() / TWO_32;
  }

  /** Uniform integer in [0, bound); draws again where 2³² mod bound would favour small numbers. */
  integer(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > TWO_32) {
      throw new RangeError(`integer(${bound}): the bound must be a whole number from 1 to 2^32.`);
    }
    const limit = TWO_32 - (TWO_32 % bound);
    let value = this.bits();
    while (value >= limit) value = this.bits();
    return value % bound;
  }

  /** Standard normal (Box–Muller; the sine half is thrown away so that the counter is the whole state). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log((this.bits() + 1) / TWO_32));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A shuffled copy (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const result = items.slice();
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = result[i] as T;
      result[i] = result[j] as T;
      result[j] = held;
    }
    return result;
  }
}
