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

/// Sums of four rows, four columns each.
struct Sums { row0: vec4f, row1: vec4f, row2: vec4f, row3: vec4f }

/// First row (y) and column (x) of a thread's block.
fn blockOf(group: vec3u, thread: u32) -> vec2u {
  return vec2u(group.x * 64u + 4u * (thread % 16u), group.y * 16u + 4u * (thread / 16u));
}

/// The block at `row` and `column` over stretch number `split` of K.
fn blockProduct(row: u32, column: u32, split: u32) -> Sums {
  let startK = split * params.splitLength;
  let endK = min(params.k, startK + params.splitLength);
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  for (var k = startK; k < endK; k += 4u) {
    let rows = rowsOfA(row, k, endK);
    let columns = rowsOfB(k, column, endK);
    sum0 += multiplyAdd(vec4f(), rows[0], columns[0], columns[1], columns[2], columns[3]);
    sum1 += multiplyAdd(vec4f(), rows[1], columns[0], columns[1], columns[2], columns[3]);
    sum2 += multiplyAdd(vec4f(), rows[2], columns[0], columns[1], columns[2], columns[3]);
    sum3 += multiplyAdd(vec4f(), rows[3], columns[0], columns[1], columns[2], columns[3]);
  }
  return Sums(sum0, sum1, sum2, sum3);
}

/// Stores scale · sums + bias where the rows exist, with the kernel's storeRow.
fn storeBlock(row: u32, column: u32, split: u32, sums: Sums) {
  let shift = biasAt(column);
  let out = params.offsetOut + split * params.splitStride + row * params.strideOut + column;
  storeRow(out, column, params.scale * sums.row0 + shift);
  if (row + 1u < params.m) { storeRow(out + params.strideOut, column, params.scale * sums.row1 + shift); }
  if (row + 2u < params.m) { storeRow(out + 2u * params.strideOut, column, params.scale * sums.row2 + shift); }
  if (row + 3u < params.m) { storeRow(out + 3u * params.strideOut, column, params.scale * sums.row3 + shift); }
}
