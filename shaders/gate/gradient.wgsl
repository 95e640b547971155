// The way back of forward.wgsl, with u = ∂L/∂out:
//   ∂L/∂values[i] (+)= factors[index] · u[i]
//   ∂L/∂factors[index] (+)= Σ_i values[i] · u[i]      (the other factors' gradients are left as they are)
//
// values, gradient (u), valuesGradient: [count]   factors, factorsGradient: [n]
//
// One workgroup in all, for B² numbers need no more. Each thread adds up every 64th product, then the threads add up in a
// tree: always in the same order, so the sum is the same to the bit each time.

struct Params { groupOffset: vec3u, count: u32, index: u32, accumulateValues: u32, accumulateFactor: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> factors: array<f32>;
@group(0) @binding(3) var<storage, read> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> valuesGradient: array<f32>;
@group(0) @binding(5) var<storage, read_write> factorsGradient: array<f32>;

const THREADS = 64u;
var<workgroup> partials: array<f32, THREADS>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (workgroup.x + params.groupOffset.x > 0u) {
    return;
  }
  let factor = factors[params.index];
  var sum = 0.0;
  for (var i = thread; i < params.count; i += THREADS) {
    let u = gradient[i];
    sum += values[i] * u;
    valuesGradient[i] = select(0.0, valuesGradient[i], params.accumulateValues == 1u) + factor * u;
  }
  partials[thread] = sum;
  for (var half = THREADS / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) {
      partials[thread] += partials[thread + half];
    }
  }
  if (thread == 0u) {
    let before = select(0.0, factorsGradient[params.index], params.accumulateFactor == 1u);
    factorsGradient[params.index] = before + partials[0];
  }
}
