// Both gradients of y = x ∘ r ∘ g, rows t and weight g, in one dispatch:
//   dx[t, :] (+)= r·(g ∘ dy) − x · r³/D · Σ(g ∘ dy ∘ x),   all of row t, r = inverseRms[t]
//   weightGradient[b, :] (+)= Σ over the rows t of block b of dy[t, :] ∘ x[t, :] · r[t]
//
// x, dy, dx: [rows, D]; weight g: [D]; inverseRms: [rows]; weightGradient: [blocks, D], a block being rowsPerBlock rows; columns = D.
// accumulate = 1 adds to what dx holds, accumulateWeight = 1 to what weightGradient holds.
// The first rowGroups workgroups take rows, as in forward.wgsl: LANES per row, one sum over the row, then one pass that writes.
// The others take the weight, THREADS neighbouring columns of a block each: a thread walks down its column, so that neighbours read
// neighbouring memory, and adds up stretches of 32 rows before they join the total, which keeps rounding small. Which of the two
// are wanted the host says by how many workgroups there are of each. Of several blocks sums/columnSums.wgsl makes one: two stages in a
// fixed order, no atomics.

//!include rowSum

struct Params {
  groupOffset: vec3u,
  rows: u32,
  columns: u32,
  rowGroups: u32,
  columnGroups: u32,
  rowsPerBlock: u32,
  accumulate: u32,
  accumulateWeight: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> inverseRms: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> weightGradient: array<f32>;

const STRETCH = 32u;

fn rowGradient(group: u32, thread: u32) {
  let row = group * (THREADS / LANES) + thread / LANES;
  let lane = thread % LANES;
  let end = select(0u, params.columns, row < params.rows);
  let base = row * params.columns;
  var projection = 0.0;
  for (var i = lane; i < end; i += LANES) {
    projection += weight[i] * dy[base + i] * x[base + i];
  }
  let r = inverseRms[min(row, params.rows - 1u)];
  let shrink = rowSum(projection, thread) * r * r / f32(params.columns);
  for (var i = lane; i < end; i += LANES) {
    var value = r * (weight[i] * dy[base + i] - x[base + i] * shrink);
    if (params.accumulate != 0u) {
      value += dx[base + i];
    }
    dx[base + i] = value;
  }
}

fn columnGradient(block: u32, column: u32) {
  if (column >= params.columns) {
    return;
  }
  let end = min((block + 1u) * params.rowsPerBlock, params.rows);
  var total = 0.0;
  for (var first = block * params.rowsPerBlock; first < end; first += STRETCH) {
    var sum = 0.0;
    for (var row = first; row < min(first + STRETCH, end); row++) {
      let i = row * params.columns + column;
      sum += dy[i] * x[i] * inverseRms[row];
    }
    total += sum;
  }
  let at = block * params.columns + column;
  if (params.accumulateWeight != 0u) {
    total += weightGradient[at];
  }
  weightGradient[at] = total;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  let group = workgroup.x + params.groupOffset.x;
  if (group < params.rowGroups) {
    rowGradient(group, thread);
  } else {
    let rest = group - params.rowGroups;
    columnGradient(rest / params.columnGroups, (rest % params.columnGroups) * THREADS + thread);
  }
}
