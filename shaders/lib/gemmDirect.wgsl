// A block of a matrix product, op(A) · op(B), straight from the buffers, for software GPUs: shared by gemm/direct.wgsl and
// gemm/directRagged.wgsl, which differ in how they store it.
//
// Operands and how they are read: gemmOperands.wgsl; params as in gemmTile.wgsl. Each of 64 threads owns a block
// of 4 × 4 of a tile of 16 rows × 64 columns and reads every vector itself. A CPU has caches for that, but pays for each
// barrier by saving and restoring all threads of the workgroup: without workgroup memory the same product runs 3 to 9 times
// faster there (npm run bench). Four products are summed before they join the total: as many additions, half the rounding.

//!include gemmOperands

/// Four columns of B from `column` on, for k … k + 3.
fn rowsOfB(k: u32, column: u32, endK: u32) -> mat4x4f {
  if (TRANSPOSE_B) {
    return transpose(mat4x4f(
      loadB(column, k, params.n, endK),
      loadB(column + 1u, k, params.n, endK),
      loadB(column + 2u, k, params.n, endK),
      loadB(column + 3u, k, params.n, endK),
    ));
  }
  return mat4x4f(
    loadB(k, column, endK, params.n),
    loadB(k + 1u, column, endK, params.n),
    loadB(k + 2u, column, endK, params.n),
    loadB(k + 3u, column, endK, params.n),
  );
}

/// Four rows of A from `row` on, for k … k + 3.
fn rowsOfA(row: u32, k: u32, endK: u32) -> mat4x4f {
  if (TRANSPOSE_A) {
    return transpose(mat4x4f(
      loadA(k, row, endK, params.m),
      loadA(k + 1u, row, endK, params.m),
      loadA(k + 2u, row, endK, params.m),
      loadA(k + 3u, row, endK, params.m),
    ));
  }
  return mat4x4f(
    loadA(row, k, params.m, endK),
    loadA(row + 1u, k, params.m, endK),
    loadA(row + 2u, k, params.m, endK),
    loadA(row + 3u, k, params.m, endK),
  );
}

/// The same of the second pair, where it is no matrix of blocks.
fn rowsOfMoreB(k: u32, column: u32, endK: u32) -> mat4x4f {
  if (TRANSPOSE_B) {
    return transpose(mat4x4f(
      loadMoreB(column, k, params.n, endK),
      loadMoreB(column + 1u, k, params.n, endK),
      loadMoreB(column + 2u, k, params.n, endK),
      loadMoreB(column + 3u, k, params.n, endK),
    ));
  }
  return mat4x4f(
    loadMoreB(k, column, endK, params.n),
    loadMoreB(k + 1u, column, endK, params.n),
    loadMoreB(k + 2u, column, endK, params.n),
    loadMoreB(k + 3u, column, endK, params.n),
  );
}

fn rowsOfMoreA(row: u32, k: u32, endK: u32) -> mat4x4f {
  return mat4x4f(
    loadMoreA(row, k, params.m, endK),
    loadMoreA(row + 1u, k, params.m, endK),
    loadMoreA(row + 2u, k, params.m, endK),
    loadMoreA(row + 3u, k, params.m, endK),
  );
}

/// Sums of four rows, four columns each.
struct Sums { row0: vec4f, row1: vec4f, row2: vec4f, row3: vec4f }

/// First row (y) and column (x) of a thread's block.
fn blockOf(group: vec3u, thread: u32) -> vec2u {
  return vec2u(group.x * 64u + 4u * (thread % 16u), group.y * 16u + 4u * (thread / 16u));
}

/// sums + four rows of A times four columns of B, four of K.
fn added(sums: Sums, rows: mat4x4f, columns: mat4x4f) -> Sums {
  return Sums(
    sums.row0 + multiplyAdd(vec4f(), rows[0], columns[0], columns[1], columns[2], columns[3]),
    sums.row1 + multiplyAdd(vec4f(), rows[1], columns[0], columns[1], columns[2], columns[3]),
    sums.row2 + multiplyAdd(vec4f(), rows[2], columns[0], columns[1], columns[2], columns[3]),
    sums.row3 + multiplyAdd(vec4f(), rows[3], columns[0], columns[1], columns[2], columns[3]),
  );
}

/// The block at `row` and `column` over stretch number `split` of K; what MORE adds is the first stretch's.
fn blockProduct(row: u32, column: u32, split: u32) -> Sums {
  let startK = split * params.splitLength;
  let endK = min(params.k, startK + params.splitLength);
  var sums = Sums();
  if (BLOCKS_B) {
    return blocksProduct(row, column, startK, endK);
  }
  for (var k = startK; k < endK; k += 4u) {
    sums = added(sums, rowsOfA(row, k, endK), rowsOfB(k, column, endK));
  }
  if (MORE && split == 0u) {
    if (MORE_BLOCKS) {
      return moreBlocksProduct(sums, row, column);
    }
    for (var k = 0u; k < params.kMore; k += 4u) {
      sums = added(sums, rowsOfMoreA(row, k, params.kMore), rowsOfMoreB(k, column, params.kMore));
    }
  }
  return sums;
}

/// With a matrix of blocks for B: block by block, and of each only the rows that it has.
fn blocksProduct(row: u32, column: u32, startK: u32, endK: u32) -> Sums {
  var sums = Sums();
  for (var p = 0u; p < 3u; p++) {
    let block = blockAt(p);
    if (column + 4u > block.w && column < block.w + params.rank) {
      let end = min(endK, block.y);
      for (var k = max(startK, block.x & ~3u); k < end; k += 4u) {
        let columns = mat4x4f(
          loadBlock(k, column, block),
          loadBlock(k + 1u, column, block),
          loadBlock(k + 2u, column, block),
          loadBlock(k + 3u, column, block),
        );
        sums = added(sums, rowsOfA(row, k, end), columns);
      }
    }
  }
  return sums;
}

/// Goes on with a matrix of blocks for moreB, transposed: which block each of the four columns is in does not change along k.
fn moreBlocksProduct(before: Sums, row: u32, column: u32) -> Sums {
  var sums = before;
  let span = blockColumns(column, column + 4u);
  let place0 = blockRow(column) * params.rank;
  let place1 = blockRow(column + 1u) * params.rank;
  let place2 = blockRow(column + 2u) * params.rank;
  let place3 = blockRow(column + 3u) * params.rank;
  for (var k = span.x; k < span.y; k += 4u) {
    let columns = mat4x4f(
      loadBlockRow(place0.y, k, place0.x),
      loadBlockRow(place1.y, k, place1.x),
      loadBlockRow(place2.y, k, place2.x),
      loadBlockRow(place3.y, k, place3.x),
    );
    sums = added(sums, rowsOfMoreA(row, k, params.kMore), transpose(columns));
  }
  return sums;
}

/// Stores scale · sums + bias where the rows exist, with the kernel's storeRow.
fn storeBlock(row: u32, column: u32, split: u32, sums: Sums) {
  let shift = biasAt(column);
  let out = params.offsetOut + split * params.splitStride + row * params.strideOut + column;
  storeRow(out, row, column, params.scale * sums.row0 + shift);
  if (row + 1u < params.m) { storeRow(out + params.strideOut, row + 1u, column, params.scale * sums.row1 + shift); }
  if (row + 2u < params.m) { storeRow(out + 2u * params.strideOut, row + 2u, column, params.scale * sums.row2 + shift); }
  if (row + 3u < params.m) { storeRow(out + 3u * params.strideOut, row + 3u, column, params.scale * sums.row3 + shift); }
}
