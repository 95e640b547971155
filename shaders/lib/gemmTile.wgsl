// A tile of a matrix product by way of workgroup memory: shared by the kernels gemm/tiled*.wgsl, which differ in how they store it. What is
// asked for and in which order: gemmParams.wgsl and gemmStretches.wgsl, or the kernel itself; from there are loadRows and loadColumns.
//
// Workgroup (x, y, z) computes rows y · TILE_M … and columns x · TILE_N … over the z-th stretch of `splitLength` of K; z > 0
// only when the host splits a long K, and then out holds one partial product [M, N] per z, `splitStride` elements apart.
//
// A step stages TILE_K of K: every thread takes its share, vectors as they are stored, in the order of memory. While a step is being
// multiplied, the next one is on its way into registers; with two BUFFERS it can be put down while others still multiply, which
// saves one of two barriers. Packed weights are widened on the way, so they cross the bus as they are stored; operands of 16 bits are
// rounded on the way (halves.wgsl), and lie so where the device can (halves.f16.wgsl).
// A thread takes four k at once: ROWS · COLUMNS · 4 multiply-adds for ROWS + COLUMNS wide reads. Its rows and columns are groups of four
// neighbours; of eight, the far four lie half a tile away, so that neighbouring threads read and store neighbouring vectors.

override TILE_M: u32 = 64u;
override TILE_N: u32 = 64u;
/// 1 or 2 steps in workgroup memory.
override BUFFERS: u32 = 1u;

override THREADS_N: u32 = TILE_N / COLUMNS;
override THREADS: u32 = THREADS_N * TILE_M / ROWS;
const VECTORS_K = TILE_K / 4u;
override QUARTER_M: u32 = TILE_M / 4u;
override QUARTER_N: u32 = TILE_N / 4u;
/// Vectors of a step, of A and of B.
override SIZE_A: u32 = TILE_M * VECTORS_K;
override SIZE_B: u32 = TILE_N * VECTORS_K;
/// How many of them are a thread's share: 1, 2 or 4.
override SHARE_A: u32 = SIZE_A / THREADS;
override SHARE_B: u32 = SIZE_B / THREADS;

var<workgroup> tileA: array<Operands, BUFFERS * SIZE_A>;
var<workgroup> tileB: array<Operands, BUFFERS * SIZE_B>;

/// Where vector `vector` along K of a row of A or a column of B stands; `quarter`: a quarter of their number. Eight threads at once meet
/// eight vectors that lie on different memory banks (16 bytes of 128 each), both when they stage four vectors of two lines and
/// when each reads one of its own line, four lines from the next thread's.
fn alongK(line: u32, vector: u32, quarter: u32) -> u32 {
  let inFour = line & 3u;
  let slot = inFour * quarter + (line >> 2u);
  return 8u * (slot >> 1u) + 4u * ((slot ^ inFour) & 1u) + (vector ^ ((slot >> 1u) & 3u));
}

/// Where number i of the vectors of a step stands, which a thread takes in the order of memory.
fn placeA(i: u32) -> u32 {
  if (transposesA()) { return i; }
  return alongK(i / VECTORS_K, i % VECTORS_K, QUARTER_M);
}

fn placeB(i: u32) -> u32 {
  if (TRANSPOSE_B) { return alongK(i / VECTORS_K, i % VECTORS_K, QUARTER_N); }
  return i;
}

fn fetchA(stretch: Stretch, firstRow: u32, k: u32, i: u32) -> vec4f {
  if (transposesA()) {
    return loadRows(stretch, firstRow + 4u * (i % QUARTER_M), k + i / QUARTER_M);
  }
  return loadRows(stretch, firstRow + i / VECTORS_K, k + 4u * (i % VECTORS_K));
}

fn fetchB(stretch: Stretch, firstColumn: u32, k: u32, i: u32) -> vec4f {
  if (TRANSPOSE_B) {
    return loadColumns(stretch, firstColumn + i / VECTORS_K, k + 4u * (i % VECTORS_K));
  }
  return loadColumns(stretch, firstColumn + 4u * (i % QUARTER_N), k + i / QUARTER_N);
}

/// A thread's share of a step.
struct Share { a: mat4x4f, b: mat4x4f }

fn fetch(stretch: Stretch, row: u32, column: u32, k: u32, thread: u32) -> Share {
  var share = Share();
  share.a[0] = fetchA(stretch, row, k, thread);
  if (SHARE_A > 1u) { share.a[1] = fetchA(stretch, row, k, thread + THREADS); }
  if (SHARE_A > 2u) {
    share.a[2] = fetchA(stretch, row, k, thread + 2u * THREADS);
    share.a[3] = fetchA(stretch, row, k, thread + 3u * THREADS);
  }
  share.b[0] = fetchB(stretch, column, k, thread);
  if (SHARE_B > 1u) { share.b[1] = fetchB(stretch, column, k, thread + THREADS); }
  if (SHARE_B > 2u) {
    share.b[2] = fetchB(stretch, column, k, thread + 2u * THREADS);
    share.b[3] = fetchB(stretch, column, k, thread + 3u * THREADS);
  }
  return share;
}

fn stage(share: Share, buffer: u32, thread: u32) {
  let atA = buffer * SIZE_A;
  tileA[atA + placeA(thread)] = operandsOfA(share.a[0]);
  if (SHARE_A > 1u) { tileA[atA + placeA(thread + THREADS)] = operandsOfA(share.a[1]); }
  if (SHARE_A > 2u) {
    tileA[atA + placeA(thread + 2u * THREADS)] = operandsOfA(share.a[2]);
    tileA[atA + placeA(thread + 3u * THREADS)] = operandsOfA(share.a[3]);
  }
  let atB = buffer * SIZE_B;
  tileB[atB + placeB(thread)] = operandsOfB(share.b[0]);
  if (SHARE_B > 1u) { tileB[atB + placeB(thread + THREADS)] = operandsOfB(share.b[1]); }
  if (SHARE_B > 2u) {
    tileB[atB + placeB(thread + 2u * THREADS)] = operandsOfB(share.b[2]);
    tileB[atB + placeB(thread + 3u * THREADS)] = operandsOfB(share.b[3]);
  }
}

fn inTileA(place: u32) -> vec4f {
  return widened(tileA[place]);
}

fn inTileB(place: u32) -> vec4f {
  return widened(tileB[place]);
}

/// Four rows from tile row 4 · group on (of ROWS = 1, row `group` alone) at four k, `vector` being k / 4.
fn rowsInTile(at: u32, group: u32, vector: u32) -> mat4x4f {
  if (transposesA()) {
    let first = at + VECTORS_K * vector * QUARTER_M;
    if (ROWS == 1u) {
      let place = first + group / 4u;
      return mat4x4f(
        vec4f(inTileA(place)[group % 4u], 0.0, 0.0, 0.0),
        vec4f(inTileA(place + QUARTER_M)[group % 4u], 0.0, 0.0, 0.0),
        vec4f(inTileA(place + 2u * QUARTER_M)[group % 4u], 0.0, 0.0, 0.0),
        vec4f(inTileA(place + 3u * QUARTER_M)[group % 4u], 0.0, 0.0, 0.0),
      );
    }
    let place = first + group;
    return mat4x4f(
      inTileA(place), inTileA(place + QUARTER_M), inTileA(place + 2u * QUARTER_M), inTileA(place + 3u * QUARTER_M),
    );
  }
  if (ROWS == 1u) {
    return transpose(mat4x4f(inTileA(at + alongK(group, vector, QUARTER_M)), vec4f(), vec4f(), vec4f()));
  }
  return transpose(mat4x4f(
    inTileA(at + alongK(4u * group, vector, QUARTER_M)),
    inTileA(at + alongK(4u * group + 1u, vector, QUARTER_M)),
    inTileA(at + alongK(4u * group + 2u, vector, QUARTER_M)),
    inTileA(at + alongK(4u * group + 3u, vector, QUARTER_M)),
  ));
}

/// Four columns from tile column 4 · group on.
fn columnsInTile(at: u32, group: u32, vector: u32) -> mat4x4f {
  if (TRANSPOSE_B) {
    return transpose(mat4x4f(
      inTileB(at + alongK(4u * group, vector, QUARTER_N)),
      inTileB(at + alongK(4u * group + 1u, vector, QUARTER_N)),
      inTileB(at + alongK(4u * group + 2u, vector, QUARTER_N)),
      inTileB(at + alongK(4u * group + 3u, vector, QUARTER_N)),
    ));
  }
  let place = at + 4u * vector * QUARTER_N + group;
  return mat4x4f(inTileB(place), inTileB(place + QUARTER_N), inTileB(place + 2u * QUARTER_N), inTileB(place + 3u * QUARTER_N));
}

/// What a staged step makes for the thread's rows and columns.
fn stepProduct(buffer: u32, thread: u32) -> Sums {
  let y = thread / THREADS_N;
  let x = thread % THREADS_N;
  var part = Sums();
  for (var vector = 0u; vector < VECTORS_K; vector++) {
    var rows = Fours(rowsInTile(buffer * SIZE_A, y, vector), mat4x4f());
    if (ROWS > 4u) { rows.far = rowsInTile(buffer * SIZE_A, y + QUARTER_M / 2u, vector); }
    var columns = Fours(columnsInTile(buffer * SIZE_B, x, vector), mat4x4f());
    if (COLUMNS > 4u) { columns.far = columnsInTile(buffer * SIZE_B, x + QUARTER_N / 2u, vector); }
    part = multipliedFours(part, rows, columns);
  }
  return part;
}

fn addStretch(before: Sums, stretch: Stretch, row: u32, column: u32, thread: u32) -> Sums {
  var sums = before;
  var buffer = 0u;
  var share = fetch(stretch, row, column, stretch.first, thread);
  workgroupBarrier(); // the last stretch has been multiplied
  for (var k = stretch.first; k < stretch.end; k += TILE_K) {
    stage(share, buffer, thread);
    workgroupBarrier();
    if (k + TILE_K < stretch.end) { share = fetch(stretch, row, column, k + TILE_K, thread); }
    sums = added(sums, stepProduct(buffer, thread));
    if (BUFFERS == 1u) {
      workgroupBarrier();
    } else {
      buffer = 1u - buffer;
    }
  }
  return sums;
}

/// The thread's rows of a tile from `row` on.
fn rowsOfTile(row: u32, thread: u32) -> Place {
  let near = row + min(ROWS, 4u) * (thread / THREADS_N);
  return Place(near, near + TILE_M / 2u);
}

/// Its columns of a tile from `column` on.
fn columnsOfTile(column: u32, thread: u32) -> Place {
  let near = column + 4u * (thread % THREADS_N);
  return Place(near, near + TILE_N / 2u);
}
