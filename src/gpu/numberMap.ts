interface Kept<V> {
  readonly key: readonly number[];
  readonly value: V;
  /** Another with the same hash. */
  readonly next: Kept<V> | undefined;
}

/**
 * A map whose keys are lists of numbers, NaN being like itself. Thousands of look-ups a step make no string of them, and no list either: the
 * key that is looked up is the first `length` numbers of a list that its owner uses again.
 */
export class NumberMap<V> {
  #byHash = new Map<number, Kept<V>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: readonly number[], length: number): V | undefined {
    for (let kept = this.#byHash.get(hashOf(key, length)); kept; kept = kept.next)
      if (isSame(kept.key, key, length)) return kept.value;
    return undefined;
  }

  /** Adds a key that is not there yet. */
  add(key: readonly number[], length: number, value: V): void {
    const hash = hashOf(key, length);
    this.#byHash.set(hash, { key: key.slice(0, length), value, next: this.#byHash.get(hash) });
    this.#size++;
  }

  clear(): void {
    this.#byHash.clear();
    this.#size = 0;
  }
}

function hashOf(key: readonly number[], length: number): number {
  let hash = 0;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (key[i] ?? 0), 0x9e3779b1) ^ (hash >>> 15);
  return hash;
}

function isSame(kept: readonly number[], key: readonly number[], length: number): boolean {
  if (kept.length !== length) return false;
  for (let i = 0; i < length; i++) if (!Object.is(kept[i], key[i])) return false;
  return true;
}
