import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import memory from '../../../shaders/lib/acrossRows.wgsl?raw';
import subgroups from '../../../shaders/lib/acrossRows.subgroups.wgsl?raw';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { runInPlace } from '../../harness/dawn.ts';
import { openTestRuntime } from '../../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const THREADS = 64;

/**
 * A kernel whose threads read what a thread of another subgroup has staged, combine across `across` threads, and stage something else.
 * What they read comes out.
 */
function kernel(call: string, across: number, helper: string): string {
  return `
override THREADS: u32 = ${THREADS}u;
override ACROSS: u32 = ${across}u;
${helper}
@group(0) @binding(0) var<storage, read_write> values: array<f32>;
var<workgroup> staged: array<f32, ${THREADS}>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) thread: u32) {
  staged[thread] = values[thread];
  workgroupBarrier();
  let read = staged[thread ^ ${THREADS / 2}u];
  staged[thread] = ${call}(vec4f(read), thread).x;
  values[thread] = read;
}`;
}

const values = Float32Array.from({ length: THREADS }, (_, thread) => thread);
const swapped = values.map((_, thread) => thread ^ (THREADS / 2));

describe.each(['sumAcross', 'maximumAcross'])('%s is a barrier', (call) => {
  test('by way of workgroup memory', async () => {
    expect(await runInPlace(runtime.gpu.device, kernel(call, 8, memory), values)).toEqual(swapped);
  });

  test('within subgroups that hold a whole row, and half of one', async () => {
    const size = runtime.gpu.subgroupSize!;
    const helper = subgroups.replace('SUBGROUP: u32 = 4u', `SUBGROUP: u32 = ${size}u`);
    for (const across of [size, 2 * size]) {
      const code = `enable subgroups;\n${kernel(call, across, helper)}`;
      expect(await runInPlace(runtime.gpu.device, code, values)).toEqual(swapped);
    }
  });
});
