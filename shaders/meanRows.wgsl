// sums[b, c] = scale · Σ over the rows t of block b of values[t, c]   (scale = 1 / N in the last stage)
//
// values: [rows, columns]; sums: [blocks, columns], a block being rowsPerBlock rows.
// Workgroup (g, b) of 64 threads takes COLUMNS columns (a power of two, up to 64) of block b; the 64 / COLUMNS threads of a
// column share its rows and add up through workgroup memory. So narrow matrices, a single column too, keep all threads busy.

struct Params { groupOffset: vec3u, rows: u32, columns: u32, rowsPerBlock: u32, scale: f32 }

override COLUMNS: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup.xy + params.groupOffset.xy;
  let column = group.x * COLUMNS + thread % COLUMNS;
  let first = group.y * params.rowsPerBlock;
  let end = select(first, min(first + params.rowsPerBlock, params.rows), column < params.columns);
  var sum = 0.0;
  for (var row = first + thread / COLUMNS; row < end; row += 64u / COLUMNS) {
    sum += values[row * params.columns + column];
  }
  partial[thread] = sum;
  workgroupBarrier();
  for (var stride = 32u; stride >= COLUMNS; stride /= 2u) {
    if (thread < stride) {
      partial[thread] += partial[thread + stride];
    }
    workgroupBarrier();
  }
  if (thread < COLUMNS && column < params.columns) {
    sums[group.y * params.columns + column] = params.scale * partial[thread];
  }
}
