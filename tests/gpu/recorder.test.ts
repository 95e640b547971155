import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GpuValidationError, OutOfMemoryError } from '../../src/gpu/errors.ts';
import type { Dispatch } from '../../src/gpu/commands.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import type { Tensor } from '../../src/ops/core/tensor.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { randomArray, seededRandom } from '../harness/numerics.ts';

let runtime: Runtime;
beforeEach(async () => {
  runtime = await openTestRuntime();
});
afterEach(() => runtime.destroy());

/** values += addend. */
const addInto = (values: Tensor, addend: Tensor): Dispatch => ({
  kernel: 'sums/addInto',
  params: { count: values.size },
  bindings: { values: values.slice, addend: addend.slice },
  groups: [Math.ceil(values.size / 1024)],
  flops: values.size,
  bytes: 12 * values.size,
});
const floats = (...values: number[]) => Float32Array.from(values);

test('uploads, kernels, copies, clears and reads happen in the order they were recorded', async () => {
  const { recorder } = runtime;
  const a = runtime.fromArray(floats(1, 2, 3, 4), [4]);
  const one = runtime.fromArray(floats(1, 1, 1, 1), [4]);
  const b = runtime.zeros([4]);
  const seen: Promise<Float32Array>[] = [];
  const look = (tensor: Tensor) => seen.push(runtime.read(tensor));
  look(a);
  runtime.dispatch(addInto(a, one));
  look(a);
  recorder.copy(a.slice, b.slice, 8);
  runtime.dispatch(addInto(a, b));
  look(a);
  look(b);
  recorder.clear(a.slice);
  runtime.dispatch(addInto(a, one));
  recorder.upload(one.slice, floats(5, 6));
  runtime.dispatch(addInto(a, one));
  look(a);
  const report = await recorder.flush();
  expect((await Promise.all(seen)).map((values) => [...values])).toEqual([
    [1, 2, 3, 4],
    [2, 3, 4, 5],
    [4, 6, 4, 5],
    [2, 3, 0, 0],
    [6, 7, 2, 2],
  ]);
  expect(report).toMatchObject({ dispatches: 4, submits: 1, flops: 16 });
});

test('an upload takes the data at once, from any view, and writes no more than it holds', async () => {
  const tensor = runtime.fromArray(floats(9, 9, 9), [3]);
  const data = Uint8Array.from([0, 0, 128, 63, 0, 0, 0, 64, 77]);
  runtime.recorder.upload(tensor.slice, data.subarray(0, 8));
  data.fill(255);
  runtime.recorder.upload(tensor.slice, new Uint8Array(0));
  const read = runtime.read(tensor);
  await runtime.recorder.flush();
  expect([...(await read)]).toEqual([1, 2, 9]);
});

test('flushes that follow each other at once run in order', async () => {
  const a = runtime.fromArray(floats(1), [1]);
  const one = runtime.fromArray(floats(1), [1]);
  const seen: Promise<Float32Array>[] = [];
  const flushes = [0, 1, 2].map(() => {
    runtime.dispatch(addInto(a, one));
    seen.push(runtime.read(a));
    return runtime.recorder.flush();
  });
  await Promise.all(flushes);
  expect((await Promise.all(seen)).map(([value]) => value)).toEqual([2, 3, 4]);
});

test('a dispatch cut into many pieces and submits gives the same bits', async () => {
  const random = seededRandom(6);
  const count = 24 * 1024 - 5;
  const [x, y] = [randomArray(random, count), randomArray(random, count)];
  const run = async () => {
    const values = runtime.fromArray(x, [count]);
    runtime.dispatch(addInto(values, runtime.fromArray(y, [count])));
    const read = runtime.read(values);
    const report = await runtime.recorder.flush();
    return { report, values: await read };
  };
  const whole = await run();
  expect(whole.report).toMatchObject({ dispatches: 1, submits: 1, flops: count });
  // As if this kernel had been seen to take 90 ms for each of the 24 workgroups; and what it really takes is not learnt.
  runtime.recorder.budget.observeSubmit = () => undefined;
  runtime.recorder.budget.observeKernel('sums/addInto', 12 * count, 24 * 90);
  const split = await run();
  expect(split.report.dispatches).toBe(24);
  expect(split.report.submits).toBe(24);
  expect(split.report.flops).toBeCloseTo(count, 3);
  expect(split.values).toEqual(whole.values);
  expect(whole.values).toEqual(x.map((value, i) => value + y[i]!));
});

test('grids beyond the device’s limit are cut', async () => {
  const limit = runtime.gpu.limits.maxComputeWorkgroupsPerDimension;
  const a = runtime.fromArray(floats(1), [1]);
  const one = runtime.fromArray(floats(1), [1]);
  runtime.dispatch({ ...addInto(a, one), groups: [limit + 1], flops: 1, bytes: 1 });
  const read = runtime.read(a);
  expect((await runtime.recorder.flush()).dispatches).toBe(2);
  expect((await read)[0]).toBe(2);
});

test('no groups, no dispatch; empty slices are read at once', async () => {
  const a = runtime.fromArray(floats(1), [1]);
  runtime.dispatch({ ...addInto(a, a), groups: [3, 0] });
  expect((await runtime.recorder.read({ ...a.slice, size: 0 })).byteLength).toBe(0);
  expect(await runtime.recorder.flush()).toMatchObject({ dispatches: 0 });
});

test('reads of a few bytes, next to others, give exactly those bytes', async () => {
  const a = runtime.fromArray(floats(1, 2, 3), [3]);
  const reads = [6, 1, 12].map((size) => runtime.recorder.read({ ...a.slice, size }));
  await runtime.recorder.flush();
  const whole = new Uint8Array(floats(1, 2, 3).buffer);
  expect((await Promise.all(reads)).map((bytes) => [...new Uint8Array(bytes)])).toEqual(
    [6, 1, 12].map((size) => [...whole.subarray(0, size)]),
  );
});

test('a missing binding is found when the dispatch is recorded', () => {
  const a = runtime.fromArray(floats(1), [1]);
  expect(() => runtime.dispatch({ ...addInto(a, a), bindings: { values: a.slice } })).toThrow(
    'sums/addInto: binding addend is missing.',
  );
});

test('what is discarded never runs, and its reads are rejected', async () => {
  const a = runtime.fromArray(floats(1), [1]);
  const one = runtime.fromArray(floats(1), [1]);
  await runtime.recorder.flush();
  runtime.dispatch(addInto(a, one));
  const dropped = runtime.recorder.read(a.slice);
  runtime.recorder.discard();
  await expect(dropped).rejects.toThrow('abandoned');
  const read = runtime.read(a);
  expect((await runtime.recorder.flush()).dispatches).toBe(0);
  expect((await read)[0]).toBe(1);
});

test('a wrong parameter is found when the dispatch is recorded, and the next step runs', async () => {
  const a = runtime.fromArray(floats(1), [1]);
  const one = runtime.fromArray(floats(1), [1]);
  await runtime.recorder.flush();
  expect(() => runtime.dispatch({ ...addInto(a, one), params: { length: 1 } })).toThrow('parameter count is missing');
  runtime.recorder.discard();
  runtime.dispatch(addInto(a, one));
  const again = runtime.read(a);
  await runtime.recorder.flush();
  expect((await again)[0]).toBe(2);
});

test('a step like the one before makes no bind group anew, with other parameters and numbers neither', async () => {
  const groups = vi.spyOn(runtime.gpu.device, 'createBindGroup');
  const results: number[] = [];
  for (let step = 1; step <= 3; step++) {
    const made = groups.mock.calls.length;
    const [a, one] = [runtime.fromArray(floats(step, 0), [2]), runtime.fromArray(floats(1, 5), [2])];
    const out = runtime.tensor([2]);
    runtime.dispatch(addInto(a, one));
    // Of the first number only, then of both.
    for (const count of [1, 2])
      runtime.dispatch({
        kernel: 'add/forward',
        params: { count },
        bindings: { a: a.slice, b: one.slice, out: out.slice },
        groups: [1],
        flops: 1,
        bytes: 12,
      });
    const read = runtime.read(out);
    await runtime.recorder.flush();
    results.push(...(await read));
    for (const tensor of [a, one, out]) tensor.release();
    expect(groups.mock.calls.length - made).toBe(step === 1 ? 2 : 0);
  }
  expect(results).toEqual([3, 10, 4, 10, 5, 10]);
  groups.mockRestore();
});

test('parameters that need a larger buffer come with bind groups of their own', async () => {
  const [a, one] = [runtime.fromArray(floats(0), [1]), runtime.fromArray(floats(1), [1])];
  const run = async (times: number) => {
    for (let i = 0; i < times; i++) runtime.dispatch({ ...addInto(a, one), flops: 1, bytes: 1 });
    const read = runtime.read(a);
    await runtime.recorder.flush();
    return (await read)[0];
  };
  expect([await run(1), await run(300), await run(2), await run(700)]).toEqual([1, 301, 303, 1003]);
});

test('a command that the GPU refuses makes the flush fail', async () => {
  const a = runtime.fromArray(floats(1), [1]);
  runtime.recorder.copy(a.slice, runtime.zeros([1]).slice, 4096);
  const error = await runtime.recorder.flush().catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(GpuValidationError);
});

test('memory that the GPU refuses makes the flush fail before anything runs', async () => {
  const { device } = runtime.gpu;
  const answer = device.popErrorScope.bind(device);
  const refusing = vi.spyOn(device, 'popErrorScope').mockImplementation(async () => {
    await answer();
    return { message: 'no room' };
  });
  const a = runtime.fromArray(floats(1), [1]);
  refusing.mockRestore();
  const read = runtime.recorder.read(a.slice);
  await expect(runtime.recorder.flush()).rejects.toBeInstanceOf(OutOfMemoryError);
  await expect(read).rejects.toBeInstanceOf(OutOfMemoryError);
});

test('kernels that a flush needs for the first time are counted, later not', async () => {
  const heard: [number, number][] = [];
  runtime.recorder.onCompile = (done, total) => heard.push([done, total]);
  const a = runtime.fromArray(floats(1, 2, 3, 4), [4]);
  const out = runtime.zeros([4]);
  const add: Dispatch = {
    kernel: 'add/forward',
    params: { count: 4 },
    bindings: { a: a.slice, b: a.slice, out: out.slice },
    groups: [1],
    flops: 4,
    bytes: 48,
  };
  runtime.dispatch(add);
  runtime.dispatch(addInto(a, out));
  runtime.dispatch(add);
  await runtime.recorder.flush();
  expect(heard).toEqual([
    [0, 2],
    [1, 2],
    [2, 2],
  ]);
  runtime.dispatch(add);
  await runtime.recorder.flush();
  expect(heard).toHaveLength(3);
});

test('a profile sums calls, work and time by kernel', async () => {
  // Every adapter that the tests run on has timestamps; without them this would test nothing.
  expect(runtime.gpu.hasTimestamps).toBe(true);
  const { recorder } = runtime;
  recorder.profile = true;
  const count = 1 << 20;
  const [a, b] = [runtime.zeros([count]), runtime.zeros([count])];
  for (let i = 0; i < 3; i++) runtime.dispatch(addInto(a, b));
  runtime.dispatch({
    kernel: 'add/forward',
    params: { count: 4 },
    bindings: { a: a.slice, b: b.slice, out: runtime.tensor([4]).slice },
    groups: [1],
    flops: 4,
    bytes: 48,
  });
  const report = await recorder.flush();
  const byKernel = new Map(recorder.timings.map((timing) => [timing.kernel, timing]));
  expect([...byKernel.keys()].sort()).toEqual(['add/forward', 'sums/addInto']);
  const large = byKernel.get('sums/addInto')!;
  expect(large.flops).toBeCloseTo(3 * count, 0);
  expect(large.bytes).toBeCloseTo(36 * count, 0);
  expect(large.calls).toBe(report.dispatches - 1);
  expect(large.ms).toBeGreaterThan(0);
  expect(byKernel.get('add/forward')).toMatchObject({ calls: 1, flops: 4, bytes: 48 });
  const times = recorder.timings.map(({ ms }) => ms);
  expect(times).toEqual([...times].sort((x, y) => y - x));
  recorder.profile = false;
  recorder.timings = [];
  runtime.dispatch(addInto(a, b));
  await recorder.flush();
  expect(recorder.timings).toEqual([]);
});

test('a profile of more dispatches than one set of queries holds keeps their order', async () => {
  const { recorder } = runtime;
  recorder.profile = true;
  const a = runtime.fromArray(floats(0), [1]);
  const one = runtime.fromArray(floats(1), [1]);
  for (let i = 0; i < 2100; i++) runtime.dispatch({ ...addInto(a, one), flops: 1, bytes: 1 });
  const read = runtime.read(a);
  await recorder.flush();
  expect((await read)[0]).toBe(2100);
  expect(recorder.timings).toHaveLength(1);
  expect(recorder.timings[0]).toMatchObject({ kernel: 'sums/addInto', calls: 2100 });
});
