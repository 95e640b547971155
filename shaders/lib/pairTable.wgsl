// The pairs (query chunk i, context chunk j) that are read, as src/ops/core/pairs.ts lays them out in one u32 table:
// CHUNK_WORDS for each chunk, then PAIR_WORDS for each pair in the order of i and then j (its number in that order is its
// slot), then the slots once more in the order of j and then i.

const CHUNK_WORDS = 6u;
const PAIR_WORDS = 3u;

@group(0) @binding(1) var<storage, read> table: array<u32>;

struct Chunk {
  firstToken: u32,
  tokens: u32,
  firstSlot: u32, // the pairs in which it is the query: consecutive slots
  pairs: u32,
  firstReader: u32, // the pairs in which it is the context: consecutive entries for readerSlot()
  readers: u32,
}

struct Pair {
  query: u32,
  context: u32,
  queryTokensBefore: u32, // tokens of the query chunks of all earlier pairs: where this pair's state begins
}

fn chunkAt(i: u32) -> Chunk {
  let at = i * CHUNK_WORDS;
  return Chunk(table[at], table[at + 1u], table[at + 2u], table[at + 3u], table[at + 4u], table[at + 5u]);
}

fn pairAt(slot: u32) -> Pair {
  let at = params.chunks * CHUNK_WORDS + slot * PAIR_WORDS;
  return Pair(table[at], table[at + 1u], table[at + 2u]);
}

fn readerSlot(entry: u32) -> u32 {
  return table[params.chunks * CHUNK_WORDS + params.pairs * PAIR_WORDS + entry];
}

/// The state of a layer's backward pass begins with one entry per slot (x: gate · A_ij); then, for each pair, head and
/// token of the query chunk, (λ, ŵ) of inBatchAttention/statistics.tiled.wgsl.
fn stateIndex(pair: Pair, queryTokens: u32, head: u32, token: u32) -> u32 {
  return params.pairs + pair.queryTokensBefore * params.heads + head * queryTokens + token;
}
