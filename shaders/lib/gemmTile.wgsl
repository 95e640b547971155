// The one matrix product, all but its last step: out[M, N] (+)= scale · op(A) · op(B) + bias, tile by tile.
//
// Operands and how they are read: gemmOperands.wgsl.
// Workgroup (x, y, z) computes rows y · TILE_M … and columns x · TILE_N … over the z-th stretch of `splitLength` of K; z > 0
// only when the host splits a long K, and then out holds one partial product [M, N] per z, `splitStride` elements apart.
//
// A step stages TILE_K of K in workgroup memory: A as rows of vectors along K, B as rows of vectors along N. So a thread
// takes four k at once: one vector per row of A (the same one for all threads of a row: a broadcast), four of B for its four
// columns, ROWS · 16 multiply-adds for ROWS + 4 wide reads. Operands stored the other way round are turned in registers, in
// blocks of 4 × 4. Packed weights are widened on the way into workgroup memory, so they cross the bus as they are stored.
// Each step is summed by itself before it joins the total: rounding grows with the number of addends in a row, which is then
// K / 16 + 16 instead of K (measured at K = 896: a third of the error, at no cost).
// A thread's rows are TILE_M / ROWS apart and each staged row of A is followed by an unused vector: neighbouring threads
// then read different memory banks.

//!include gemmOperands

override TILE_M: u32 = 64u;
override TILE_N: u32 = 64u;
override TILE_K: u32 = 16u;
/// Rows of the result per thread: 1, 2 or 4. Columns per thread: always 4.
override ROWS: u32 = 4u;

override THREADS_N: u32 = TILE_N / 4u;
override THREADS_M: u32 = TILE_M / ROWS;
override THREADS: u32 = THREADS_N * THREADS_M;
override VECTORS_K: u32 = TILE_K / 4u;
override VECTORS_M: u32 = TILE_M / 4u;
override STRIDE_A: u32 = VECTORS_K + 1u;

var<workgroup> tileA: array<vec4f, TILE_M * STRIDE_A>;
var<workgroup> tileB: array<vec4f, TILE_K * THREADS_N>;

/// Fills tileA[row][k / 4] with rows from `firstRow`, k from `firstK` to before `endK`.
fn stageA(firstRow: u32, firstK: u32, endK: u32, thread: u32) {
  if (TRANSPOSE_A) {
    for (var i = thread; i < VECTORS_M * VECTORS_K; i += THREADS) {
      let row = 4u * (i % VECTORS_M);
      let vector = i / VECTORS_M;
      let k = firstK + 4u * vector;
      let column = firstRow + row;
      let block = transpose(mat4x4f(
        loadA(k, column, endK, params.m),
        loadA(k + 1u, column, endK, params.m),
        loadA(k + 2u, column, endK, params.m),
        loadA(k + 3u, column, endK, params.m),
      ));
      tileA[row * STRIDE_A + vector] = block[0];
      tileA[(row + 1u) * STRIDE_A + vector] = block[1];
      tileA[(row + 2u) * STRIDE_A + vector] = block[2];
      tileA[(row + 3u) * STRIDE_A + vector] = block[3];
    }
  } else {
    for (var i = thread; i < TILE_M * VECTORS_K; i += THREADS) {
      let row = i / VECTORS_K;
      let vector = i % VECTORS_K;
      tileA[row * STRIDE_A + vector] = loadA(firstRow + row, firstK + 4u * vector, params.m, endK);
    }
  }
}

/// Fills tileB[k][column / 4] with columns from `firstColumn`, k from `firstK` to before `endK`.
fn stageB(firstColumn: u32, firstK: u32, endK: u32, thread: u32) {
  if (TRANSPOSE_B) {
    for (var i = thread; i < THREADS_N * VECTORS_K; i += THREADS) {
      let vector = i / VECTORS_K;
      let k = 4u * (i % VECTORS_K);
      let row = firstColumn + 4u * vector;
      let block = transpose(mat4x4f(
        loadB(row, firstK + k, params.n, endK),
        loadB(row + 1u, firstK + k, params.n, endK),
        loadB(row + 2u, firstK + k, params.n, endK),
        loadB(row + 3u, firstK + k, params.n, endK),
      ));
      tileB[k * THREADS_N + vector] = block[0];
      tileB[(k + 1u) * THREADS_N + vector] = block[1];
      tileB[(k + 2u) * THREADS_N + vector] = block[2];
      tileB[(k + 3u) * THREADS_N + vector] = block[3];
    }
  } else {
    for (var i = thread; i < TILE_K * THREADS_N; i += THREADS) {
      let k = i / THREADS_N;
      let vector = i % THREADS_N;
      tileB[i] = loadB(firstK + k, firstColumn + 4u * vector, endK, params.n);
    }
  }
}

/// stageA of the second pair, which is never transposed.
fn stageMoreA(firstRow: u32, firstK: u32, thread: u32) {
  for (var i = thread; i < TILE_M * VECTORS_K; i += THREADS) {
    let row = i / VECTORS_K;
    let vector = i % VECTORS_K;
    tileA[row * STRIDE_A + vector] = loadMoreA(firstRow + row, firstK + 4u * vector, params.m, params.kMore);
  }
}

fn stageMoreB(firstColumn: u32, firstK: u32, thread: u32) {
  if (TRANSPOSE_B) {
    for (var i = thread; i < THREADS_N * VECTORS_K; i += THREADS) {
      let vector = i / VECTORS_K;
      let k = 4u * (i % VECTORS_K);
      let row = firstColumn + 4u * vector;
      let block = transpose(mat4x4f(
        loadMoreB(row, firstK + k, params.n, params.kMore),
        loadMoreB(row + 1u, firstK + k, params.n, params.kMore),
        loadMoreB(row + 2u, firstK + k, params.n, params.kMore),
        loadMoreB(row + 3u, firstK + k, params.n, params.kMore),
      ));
      tileB[k * THREADS_N + vector] = block[0];
      tileB[(k + 1u) * THREADS_N + vector] = block[1];
      tileB[(k + 2u) * THREADS_N + vector] = block[2];
      tileB[(k + 3u) * THREADS_N + vector] = block[3];
    }
  } else {
    for (var i = thread; i < TILE_K * THREADS_N; i += THREADS) {
      let k = i / THREADS_N;
      let vector = i % THREADS_N;
      tileB[i] = loadMoreB(firstK + k, firstColumn + 4u * vector, params.kMore, params.n);
    }
  }
}

/// stageB of one block (blockAt), which is as good as zero outside itself.
fn stageBlock(firstColumn: u32, firstK: u32, block: vec4u, thread: u32) {
  for (var i = thread; i < TILE_K * THREADS_N; i += THREADS) {
    tileB[i] = loadBlock(firstK + i / THREADS_N, firstColumn + 4u * (i % THREADS_N), block);
  }
}

/// The thread's rows of the tile: sums of up to four rows, four columns each.
struct Sums { row0: vec4f, row1: vec4f, row2: vec4f, row3: vec4f }

/// What the staged step of K makes for the thread's rows and columns.
fn stepProduct(thread: u32) -> Sums {
  let y = thread / THREADS_N;
  let x = thread % THREADS_N;
  var part0 = vec4f();
  var part1 = vec4f();
  var part2 = vec4f();
  var part3 = vec4f();
  for (var v = 0u; v < VECTORS_K; v++) {
    let at = 4u * v * THREADS_N + x;
    let b0 = tileB[at];
    let b1 = tileB[at + THREADS_N];
    let b2 = tileB[at + 2u * THREADS_N];
    let b3 = tileB[at + 3u * THREADS_N];
    let rowA = y * STRIDE_A + v;
    part0 = multiplyAdd(part0, tileA[rowA], b0, b1, b2, b3);
    if (ROWS > 1u) {
      part1 = multiplyAdd(part1, tileA[rowA + THREADS_M * STRIDE_A], b0, b1, b2, b3);
    }
    if (ROWS > 2u) {
      part2 = multiplyAdd(part2, tileA[rowA + 2u * THREADS_M * STRIDE_A], b0, b1, b2, b3);
      part3 = multiplyAdd(part3, tileA[rowA + 3u * THREADS_M * STRIDE_A], b0, b1, b2, b3);
    }
  }
  return Sums(part0, part1, part2, part3);
}

/// sums + what the staged step makes; the tiles may be staged anew after it. For every thread of the workgroup: it has barriers.
fn addStep(sums: Sums, thread: u32) -> Sums {
  workgroupBarrier();
  let part = stepProduct(thread);
  workgroupBarrier();
  return Sums(sums.row0 + part.row0, sums.row1 + part.row1, sums.row2 + part.row2, sums.row3 + part.row3);
}

/// Over the thread's stretch of K, and what MORE adds, which is the first stretch's. For every thread of the workgroup `group`, also
/// those whose rows do not exist: it has barriers.
fn tileProduct(group: vec3u, thread: u32) -> Sums {
  let firstRow = group.y * TILE_M;
  let firstColumn = group.x * TILE_N;
  let startK = group.z * params.splitLength;
  let endK = min(params.k, startK + params.splitLength);
  var sums = Sums();
  if (BLOCKS_B) {
    for (var p = 0u; p < 3u; p++) {
      let block = blockAt(p);
      if (firstColumn + TILE_N > block.w && firstColumn < block.w + params.rank) {
        let end = min(endK, block.y);
        for (var k = max(startK, block.x & ~3u); k < end; k += TILE_K) {
          stageA(firstRow, k, end, thread);
          stageBlock(firstColumn, k, block, thread);
          sums = addStep(sums, thread);
        }
      }
    }
    return sums;
  }
  for (var k = startK; k < endK; k += TILE_K) {
    stageA(firstRow, k, endK, thread);
    stageB(firstColumn, k, endK, thread);
    sums = addStep(sums, thread);
  }
  if (MORE && group.z == 0u) {
    var span = vec2u(0u, params.kMore);
    if (MORE_BLOCKS) { span = blockColumns(firstColumn, firstColumn + TILE_N); }
    // From a whole step on: what is summed together must not depend on where the tile begins.
    for (var k = span.x - span.x % TILE_K; k < span.y; k += TILE_K) {
      stageMoreA(firstRow, k, thread);
      stageMoreB(firstColumn, k, thread);
      sums = addStep(sums, thread);
    }
  }
  return sums;
}

/// Stores scale · sums + bias where the rows and columns exist, with the kernel's storeRow.
fn storeTile(group: vec3u, thread: u32, sums: Sums) {
  let column = group.x * TILE_N + 4u * (thread % THREADS_N);
  if (column >= params.n) { return; }
  let shift = biasAt(column);
  let out0 = params.offsetOut + group.z * params.splitStride + column;
  let row = group.y * TILE_M + thread / THREADS_N;
  if (row < params.m) { storeRow(out0 + row * params.strideOut, row, column, params.scale * sums.row0 + shift); }
  if (ROWS > 1u) {
    let row1 = row + THREADS_M;
    if (row1 < params.m) { storeRow(out0 + row1 * params.strideOut, row1, column, params.scale * sums.row1 + shift); }
  }
  if (ROWS > 2u) {
    let row2 = row + 2u * THREADS_M;
    if (row2 < params.m) { storeRow(out0 + row2 * params.strideOut, row2, column, params.scale * sums.row2 + shift); }
    let row3 = row + 3u * THREADS_M;
    if (row3 < params.m) { storeRow(out0 + row3 * params.strideOut, row3, column, params.scale * sums.row3 + shift); }
  }
}
