import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { GpuValidationError, OutOfMemoryError } from '../../src/gpu/errors.ts';
import type { Dispatch } from '../../src/gpu/commands.ts';
import type { Context } from '../../src/ops/context.ts';
import type { Tensor } from '../../src/ops/tensor.ts';
import { openTestContext } from '../harness/context.ts';
import { randomArray, seededRandom } from '../harness/numerics.ts';

let context: Context;
beforeEach(async () => {
  context = await openTestContext();
});
afterEach(() => context.destroy());

/** values += addend. */
const addInto = (values: Tensor, addend: Tensor): Dispatch => ({
  kernel: 'addInto',
  params: { count: values.size },
  bindings: { values: values.slice, addend: addend.slice },
  groups: [Math.ceil(values.size / 1024)],
  flops: values.size,
  bytes: 12 * values.size,
});
const floats = (...values: number[]) => Float32Array.from(values);

test('uploads, kernels, copies, clears and reads happen in the order they were recorded', async () => {
  const { recorder } = context;
  const a = context.fromArray(floats(1, 2, 3, 4), [4]);
  const one = context.fromArray(floats(1, 1, 1, 1), [4]);
  const b = context.zeros([4]);
  const seen: Promise<Float32Array>[] = [];
  const look = (tensor: Tensor) => seen.push(context.read(tensor));
  look(a);
  context.dispatch(addInto(a, one));
  look(a);
  recorder.copy(a.slice, b.slice, 8);
  context.dispatch(addInto(a, b));
  look(a);
  look(b);
  recorder.clear(a.slice);
  context.dispatch(addInto(a, one));
  recorder.upload(one.slice, floats(5, 6));
  context.dispatch(addInto(a, one));
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
  expect(recorder.lastFlush).toBe(report);
});

test('an upload takes the data at once, from any view, and writes no more than it holds', async () => {
  const tensor = context.fromArray(floats(9, 9, 9), [3]);
  const data = Uint8Array.from([0, 0, 128, 63, 0, 0, 0, 64, 77]);
  context.recorder.upload(tensor.slice, data.subarray(0, 8));
  data.fill(255);
  context.recorder.upload(tensor.slice, new Uint8Array(0));
  const read = context.read(tensor);
  await context.recorder.flush();
  expect([...(await read)]).toEqual([1, 2, 9]);
});

test('flushes that follow each other at once run in order', async () => {
  const a = context.fromArray(floats(1), [1]);
  const one = context.fromArray(floats(1), [1]);
  const seen: Promise<Float32Array>[] = [];
  const flushes = [0, 1, 2].map(() => {
    context.dispatch(addInto(a, one));
    seen.push(context.read(a));
    return context.recorder.flush();
  });
  await Promise.all(flushes);
  expect((await Promise.all(seen)).map(([value]) => value)).toEqual([2, 3, 4]);
});

test('a dispatch cut into many pieces and submits gives the same bits', async () => {
  const random = seededRandom(6);
  const count = 24 * 1024 - 5;
  const [x, y] = [randomArray(random, count), randomArray(random, count)];
  const run = async () => {
    const values = context.fromArray(x, [count]);
    context.dispatch(addInto(values, context.fromArray(y, [count])));
    const read = context.read(values);
    const report = await context.recorder.flush();
    return { report, values: await read };
  };
  const whole = await run();
  expect(whole.report).toMatchObject({ dispatches: 1, submits: 1, flops: count });
  // As if this kernel had been seen to take 90 ms for each of the 24 workgroups; and what it really takes is not learnt.
  context.recorder.budget.observeSubmit = () => undefined;
  context.recorder.budget.observeKernel('addInto', 12 * count, 24 * 90);
  const split = await run();
  expect(split.report.dispatches).toBe(24);
  expect(split.report.submits).toBe(24);
  expect(split.report.flops).toBeCloseTo(count, 3);
  expect(split.values).toEqual(whole.values);
  expect(whole.values).toEqual(x.map((value, i) => value + y[i]!));
});

test('grids beyond the device’s limit are cut', async () => {
  const limit = context.gpu.limits.maxComputeWorkgroupsPerDimension;
  const a = context.fromArray(floats(1), [1]);
  const one = context.fromArray(floats(1), [1]);
  context.dispatch({ ...addInto(a, one), groups: [limit + 1], flops: 1, bytes: 1 });
  const read = context.read(a);
  expect((await context.recorder.flush()).dispatches).toBe(2);
  expect((await read)[0]).toBe(2);
});

test('no groups, no dispatch; empty slices are read at once', async () => {
  const a = context.fromArray(floats(1), [1]);
  context.dispatch({ ...addInto(a, a), groups: [3, 0] });
  expect((await context.recorder.read({ ...a.slice, size: 0 })).byteLength).toBe(0);
  expect(await context.recorder.flush()).toMatchObject({ dispatches: 0 });
});

test('reads of a few bytes, next to others, give exactly those bytes', async () => {
  const a = context.fromArray(floats(1, 2, 3), [3]);
  const reads = [6, 1, 12].map((size) => context.recorder.read({ ...a.slice, size }));
  await context.recorder.flush();
  const whole = new Uint8Array(floats(1, 2, 3).buffer);
  expect((await Promise.all(reads)).map((bytes) => [...new Uint8Array(bytes)])).toEqual(
    [6, 1, 12].map((size) => [...whole.subarray(0, size)]),
  );
});

test('a missing binding is found when the dispatch is recorded', () => {
  const a = context.fromArray(floats(1), [1]);
  expect(() => context.dispatch({ ...addInto(a, a), bindings: { values: a.slice } })).toThrow(
    'addInto: binding addend is missing.',
  );
});

test('what is discarded never runs, and its reads are rejected', async () => {
  const a = context.fromArray(floats(1), [1]);
  const one = context.fromArray(floats(1), [1]);
  await context.recorder.flush();
  context.dispatch(addInto(a, one));
  const dropped = context.recorder.read(a.slice);
  context.recorder.discard();
  await expect(dropped).rejects.toThrow('abandoned');
  const read = context.read(a);
  expect((await context.recorder.flush()).dispatches).toBe(0);
  expect((await read)[0]).toBe(1);
});

test('a step with a wrong parameter fails whole, and the next one runs', async () => {
  const a = context.fromArray(floats(1), [1]);
  const one = context.fromArray(floats(1), [1]);
  await context.recorder.flush();
  context.dispatch({ ...addInto(a, one), params: { length: 1 } });
  const read = context.read(a);
  await expect(context.recorder.flush()).rejects.toThrow('parameter count is missing');
  await expect(read).rejects.toThrow('parameter count is missing');
  context.dispatch(addInto(a, one));
  const again = context.read(a);
  await context.recorder.flush();
  expect((await again)[0]).toBe(2);
});

test('a command that the GPU refuses makes the flush fail', async () => {
  const a = context.fromArray(floats(1), [1]);
  context.recorder.copy(a.slice, context.zeros([1]).slice, 4096);
  const error = await context.recorder.flush().catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(GpuValidationError);
});

test('memory that the GPU refuses makes the flush fail before anything runs', async () => {
  const { device } = context.gpu;
  const answer = device.popErrorScope.bind(device);
  const refusing = vi.spyOn(device, 'popErrorScope').mockImplementation(async () => {
    await answer();
    return { message: 'no room' };
  });
  const a = context.fromArray(floats(1), [1]);
  refusing.mockRestore();
  const read = context.recorder.read(a.slice);
  await expect(context.recorder.flush()).rejects.toBeInstanceOf(OutOfMemoryError);
  await expect(read).rejects.toBeInstanceOf(OutOfMemoryError);
});

test('kernels that a flush needs for the first time are counted, later not', async () => {
  const heard: [number, number][] = [];
  context.recorder.onCompile = (done, total) => heard.push([done, total]);
  const a = context.fromArray(floats(1, 2, 3, 4), [4]);
  const out = context.zeros([4]);
  const add: Dispatch = {
    kernel: 'add',
    params: { count: 4 },
    bindings: { a: a.slice, b: a.slice, out: out.slice },
    groups: [1],
    flops: 4,
    bytes: 48,
  };
  context.dispatch(add);
  context.dispatch(addInto(a, out));
  context.dispatch(add);
  await context.recorder.flush();
  expect(heard).toEqual([
    [0, 2],
    [1, 2],
    [2, 2],
  ]);
  context.dispatch(add);
  await context.recorder.flush();
  expect(heard).toHaveLength(3);
});

test('a profile sums calls, work and time by kernel', async () => {
  // Every adapter that the tests run on has timestamps; without them this would test nothing.
  expect(context.gpu.hasTimestamps).toBe(true);
  const { recorder } = context;
  recorder.profile = true;
  const count = 1 << 20;
  const [a, b] = [context.zeros([count]), context.zeros([count])];
  for (let i = 0; i < 3; i++) context.dispatch(addInto(a, b));
  context.dispatch({
    kernel: 'add',
    params: { count: 4 },
    bindings: { a: a.slice, b: b.slice, out: context.tensor([4]).slice },
    groups: [1],
    flops: 4,
    bytes: 48,
  });
  await recorder.flush();
  const byKernel = new Map(recorder.timings.map((timing) => [timing.kernel, timing]));
  expect([...byKernel.keys()].sort()).toEqual(['add', 'addInto']);
  const large = byKernel.get('addInto')!;
  expect(large.flops).toBeCloseTo(3 * count, 0);
  expect(large.bytes).toBeCloseTo(36 * count, 0);
  expect(large.calls).toBe(recorder.lastFlush.dispatches - 1);
  expect(large.ms).toBeGreaterThan(0);
  expect(byKernel.get('add')).toMatchObject({ calls: 1, flops: 4, bytes: 48 });
  const times = recorder.timings.map(({ ms }) => ms);
  expect(times).toEqual([...times].sort((x, y) => y - x));
  recorder.profile = false;
  recorder.timings = [];
  context.dispatch(addInto(a, b));
  await recorder.flush();
  expect(recorder.timings).toEqual([]);
});

test('a profile of more dispatches than one set of queries holds keeps their order', async () => {
  const { recorder } = context;
  recorder.profile = true;
  const a = context.fromArray(floats(0), [1]);
  const one = context.fromArray(floats(1), [1]);
  for (let i = 0; i < 2100; i++) context.dispatch({ ...addInto(a, one), flops: 1, bytes: 1 });
  const read = context.read(a);
  await recorder.flush();
  expect((await read)[0]).toBe(2100);
  expect(recorder.timings).toHaveLength(1);
  expect(recorder.timings[0]).toMatchObject({ kernel: 'addInto', calls: 2100 });
});
