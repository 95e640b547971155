/** A distinct pre-token: its symbols (token ids, shortened in place by merging) and how often it occurs. */
export interface CountedWord {
  symbols: number[];
  readonly count: number;
}

interface Candidate {
  readonly key: number;
  readonly count: number;
}

/** Ids are below this, so a pair fits in one number. */
const ID_LIMIT = 65536;

/** More frequent first, then the smaller ids. */
function before(a: Candidate, b: Candidate): boolean {
  return a.count > b.count || (a.count === b.count && a.key < b.key);
}

/** A binary heap with the foremost candidate on top. */
class CandidateHeap {
  private readonly items: Candidate[] = [];

  push(item: Candidate): void {
    const { items } = this;
    let i = items.length;
    items.push(item);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = items[parent];
      if (!above || !before(item, above)) break;
      items[i] = above;
      i = parent;
    }
    items[i] = item;
  }

  pop(): Candidate | undefined {
    const { items } = this;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      let best = items[child];
      if (!best) break;
      const right = items[child + 1];
      if (right && before(right, best)) {
        best = right;
        child++;
      }
      if (!before(best, last)) break;
      items[i] = best;
      i = child;
    }
    items[i] = last;
    return top;
  }
}

/**
 * Byte-pair merging: up to `wanted` times the most frequent neighbouring pair becomes a new symbol (ids from `firstId`),
 * until no pair occurs twice. Counts are kept up to date: a merge touches only the words that hold the pair, and outdated
 * heap entries are dropped when they surface. `onMerge` is awaited after each merge.
 */
export async function mergePairs(
  words: readonly CountedWord[],
  firstId: number,
  wanted: number,
  onMerge: (left: number, right: number) => Promise<void>,
): Promise<void> {
  const counts = new Map<number, number>();
  const places = new Map<number, Set<number>>();
  const add = (left: number, right: number, word: number, count: number): number => {
    const key = left * ID_LIMIT + right;
    counts.set(key, (counts.get(key) ?? 0) + count);
    if (count > 0) {
      const at = places.get(key);
      if (at) at.add(word);
      else places.set(key, new Set([word]));
    }
    return key;
  };
  for (const [w, { symbols, count }] of words.entries()) {
    for (let i = 1; i < symbols.length; i++) add(symbols[i - 1] ?? 0, symbols[i] ?? 0, w, count);
  }
  const heap = new CandidateHeap();
  for (const [key, count] of counts) heap.push({ key, count });

  let merged = 0;
  while (merged < wanted) {
    const top = heap.pop();
    if (!top || top.count < 2) break;
    const current = counts.get(top.key) ?? 0;
    if (current !== top.count) {
      // Counts of old pairs only fall: put the entry back where it belongs now.
      if (current > 0 && current < top.count) heap.push({ key: top.key, count: current });
      continue;
    }
    const left = Math.floor(top.key / ID_LIMIT);
    const right = top.key % ID_LIMIT;
    const newId = firstId + merged;
    const touched = new Set<number>();
    for (const w of places.get(top.key) ?? []) {
      const word = words[w];
      if (!word) continue;
      const { symbols, count } = word;
      const next: number[] = [];
      let found = false;
      for (let i = 0; i < symbols.length; i++) {
        const symbol = symbols[i] ?? 0;
        if (symbol === left && symbols[i + 1] === right) {
          next.push(newId);
          found = true;
          i++;
        } else next.push(symbol);
      }
      // `places` may name words from which the pair has gone since.
      if (!found) continue;
      for (let i = 1; i < symbols.length; i++) add(symbols[i - 1] ?? 0, symbols[i] ?? 0, w, -count);
      for (let i = 1; i < next.length; i++) {
        const a = next[i - 1] ?? 0;
        const b = next[i] ?? 0;
        const key = add(a, b, w, count);
        if (a === newId || b === newId) touched.add(key);
      }
      word.symbols = next;
    }
    counts.delete(top.key);
    places.delete(top.key);
    for (const key of touched) heap.push({ key, count: counts.get(key) ?? 0 });
    merged++;
    await onMerge(left, right);
  }
}
