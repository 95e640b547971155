// A matrix of N rows and up to 3 · rank columns that is zero but for up to three blocks, as the B matrices of LoRA make one: block p
// stands in the rows start_p … end_p − 1 and the columns p · rank …. The blocks are stored without what is between them: their rows one
// below the other, rank numbers each. Of blocks that there are not, start and end are zero.
// The kernel's params have rank, start0, end0, start1, end1, start2 and end2.

const NOWHERE = 0xffffffffu;

/// Which block a row of the matrix of blocks belongs to (x; 3: none) and which of the stored rows it is (y).
fn blockRow(row: u32) -> vec2u {
  if (row >= params.start2 && row < params.end2) {
    return vec2u(2u, row - params.start2 + params.end0 - params.start0 + params.end1 - params.start1);
  }
  if (row >= params.start1 && row < params.end1) {
    return vec2u(1u, row - params.start1 + params.end0 - params.start0);
  }
  if (row >= params.start0 && row < params.end0) {
    return vec2u(0u, row - params.start0);
  }
  return vec2u(3u, 0u);
}

/// Columns of the matrix of blocks that rows from `first` to before `end` have anything in, from a multiple of four on.
fn blockColumns(first: u32, end: u32) -> vec2u {
  var span = vec2u(NOWHERE, 0u);
  if (first < params.end0 && end > params.start0) { span = vec2u(0u, params.rank); }
  if (first < params.end1 && end > params.start1) { span = vec2u(min(span.x, params.rank), 2u * params.rank); }
  if (first < params.end2 && end > params.start2) { span = vec2u(min(span.x, 2u * params.rank), 3u * params.rank); }
  return vec2u(span.x & ~3u, span.y);
}

/// Whether the matrix of blocks has anything in rows from first.y to before end.y and columns from first.x to before end.x.
fn blocksMeet(first: vec2u, end: vec2u) -> bool {
  let span = blockColumns(first.y, end.y);
  return first.x < span.y && end.x > span.x;
}

/// First row of block p (x), the one behind its last (y), its first stored row (z) and its first column (w).
fn blockAt(p: u32) -> vec4u {
  let rows0 = params.end0 - params.start0;
  if (p == 0u) {
    return vec4u(params.start0, params.end0, 0u, 0u);
  }
  if (p == 1u) {
    return vec4u(params.start1, params.end1, rows0, params.rank);
  }
  return vec4u(params.start2, params.end2, rows0 + params.end1 - params.start1, 2u * params.rank);
}
