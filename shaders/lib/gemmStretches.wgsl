// A matrix product stretch by stretch of K, for the kernels that read four numbers at a time (gemmOperands.wgsl): the first pair of operands,
// then what MORE adds; or one matrix block after the other.
//
// Operands are read as they are stored, in vectors along K or across it, and turned in registers, four by four, where a product
// wants them the other way round: that only says which register is which.
// The kernel that includes this adds a stretch to a thread's sums, in steps of TILE_K:
//   fn addStretch(sums: Sums, stretch: Stretch, row: u32, column: u32, thread: u32) -> Sums

//!include gemmOperands
//!include gemmSums

const FIRST_PAIR = 0u;
const SECOND_PAIR = 1u;
const ONE_BLOCK = 2u;

/// From `first` to before `end` of K; `block`: which one (blockAt).
struct Stretch { source: u32, first: u32, end: u32, block: vec4u }

/// Four numbers of A: with TRANSPOSE_A those of four rows at one k, else of one row from k on.
fn loadRows(stretch: Stretch, row: u32, k: u32) -> vec4f {
  if (TRANSPOSE_A) {
    return loadA(k, row, stretch.end, params.m);
  }
  if (stretch.source == SECOND_PAIR) {
    return loadMoreA(row, k, params.m, stretch.end);
  }
  return loadA(row, k, params.m, stretch.end);
}

/// Four numbers of B: with TRANSPOSE_B those of one column from k on, else of four columns at one k.
fn loadColumns(stretch: Stretch, column: u32, k: u32) -> vec4f {
  if (stretch.source == ONE_BLOCK) {
    return loadBlock(k, column, stretch.block);
  }
  if (stretch.source == SECOND_PAIR) {
    if (TRANSPOSE_B) {
      return loadMoreB(columnAt(column), k, params.n, stretch.end);
    }
    return loadMoreB(k, column, stretch.end, params.n);
  }
  if (TRANSPOSE_B) {
    return loadB(columnAt(column), k, params.n, stretch.end);
  }
  return loadB(k, column, stretch.end, params.n);
}

/// A tile of the product from `row` and `column` on, `width` columns wide, over stretch number `split` of K; what MORE adds is the
/// first one's. For every thread of the workgroup, also those whose rows do not exist: addStretch may have barriers.
fn tileProduct(row: u32, column: u32, width: u32, split: u32, thread: u32) -> Sums {
  let span = stretchOfK(split);
  var sums = Sums();
  if (BLOCKS_B) {
    for (var p = 0u; p < 3u; p++) {
      let block = blockAt(p);
      if (column + width > block.w && column < block.w + params.rank) {
        let stretch = Stretch(ONE_BLOCK, max(span.x, block.x & ~3u), min(span.y, block.y), block);
        sums = addStretch(sums, stretch, row, column, thread);
      }
    }
    return sums;
  }
  sums = addStretch(sums, Stretch(FIRST_PAIR, span.x, span.y, vec4u()), row, column, thread);
  if (MORE && split == 0u) {
    let more = stretchOfMore(column, column + width);
    sums = addStretch(sums, Stretch(SECOND_PAIR, more.x, more.y, vec4u()), row, column, thread);
  }
  return sums;
}
