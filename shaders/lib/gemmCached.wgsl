// A tile of a matrix product without workgroup memory, for GPUs that make more of their caches and registers: shared by gemm/cached.wgsl
// and gemm/cachedRagged.wgsl, which differ in how they store it. What is asked for: gemmParams.wgsl; in which order: gemmStretches.wgsl.
//
// 64 threads, eight by eight: each reads the vectors of its own ROWS × COLUMNS block itself, four k at a time. Those of a row or column of
// threads read the same ones at the same time, so that most come from the first cache. No barrier, no step is staged. Operands of 16 bits
// are rounded as they are read (halves.wgsl).

//!include gemmStretches

const ACROSS = 8u;
const THREADS = 64u;

fn ownRows(stretch: Stretch, row: u32, k: u32) -> vec4f {
  return widened(operandsOfA(loadRows(stretch, row, k)));
}

fn ownColumns(stretch: Stretch, column: u32, k: u32) -> vec4f {
  return widened(operandsOfB(loadColumns(stretch, column, k)));
}

/// Four rows from `row` on at four k.
fn rowsAt(stretch: Stretch, row: u32, k: u32) -> mat4x4f {
  if (TRANSPOSE_A) {
    return mat4x4f(
      ownRows(stretch, row, k), ownRows(stretch, row, k + 1u), ownRows(stretch, row, k + 2u), ownRows(stretch, row, k + 3u),
    );
  }
  return transpose(mat4x4f(
    ownRows(stretch, row, k), ownRows(stretch, row + 1u, k), ownRows(stretch, row + 2u, k), ownRows(stretch, row + 3u, k),
  ));
}

/// Four columns from `column` on.
fn columnsAt(stretch: Stretch, column: u32, k: u32) -> mat4x4f {
  if (TRANSPOSE_B) {
    return transpose(mat4x4f(
      ownColumns(stretch, column, k),
      ownColumns(stretch, column + 1u, k),
      ownColumns(stretch, column + 2u, k),
      ownColumns(stretch, column + 3u, k),
    ));
  }
  return mat4x4f(
    ownColumns(stretch, column, k),
    ownColumns(stretch, column, k + 1u),
    ownColumns(stretch, column, k + 2u),
    ownColumns(stretch, column, k + 3u),
  );
}

/// First row or column of a thread's far four, from the near ones on.
fn farOf(size: u32) -> u32 {
  return ACROSS * size / 2u;
}

fn addStretch(before: Sums, stretch: Stretch, row: u32, column: u32, thread: u32) -> Sums {
  let ownRow = row + 4u * (thread / ACROSS);
  let ownColumn = column + 4u * (thread % ACROSS);
  var sums = before;
  for (var first = stretch.first; first < stretch.end; first += TILE_K) {
    var part = Sums();
    let end = min(stretch.end, first + TILE_K);
    for (var k = first; k < end; k += 4u) {
      var rows = Fours(rowsAt(stretch, ownRow, k), mat4x4f());
      if (ROWS > 4u) { rows.far = rowsAt(stretch, ownRow + farOf(ROWS), k); }
      var columns = Fours(columnsAt(stretch, ownColumn, k), mat4x4f());
      if (COLUMNS > 4u) { columns.far = columnsAt(stretch, ownColumn + farOf(COLUMNS), k); }
      part = multipliedFours(part, rows, columns);
    }
    sums = added(sums, part);
  }
  return sums;
}

/// Stores what the thread has of the tile of workgroup `group`.
fn storeTile(group: vec3u, thread: u32, sums: Sums) {
  let row = group.y * ACROSS * ROWS + 4u * (thread / ACROSS);
  let column = group.x * ACROSS * COLUMNS + 4u * (thread % ACROSS);
  storeSums(Place(row, row + farOf(ROWS)), Place(column, column + farOf(COLUMNS)), group.z, sums);
}
