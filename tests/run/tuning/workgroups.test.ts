import { expect, test } from 'vitest';
import { fillingWorkgroups, measureWorkgroups, type FillingOptions } from '../../../src/run/tuning/workgroups.ts';
import { openTestRuntime } from '../../harness/runtime.ts';

interface Made {
  /** Workgroups that it runs at once, and what a round of one takes, ms; with `together` of them on a core each is slower. */
  readonly cores: number;
  readonly roundMs: number;
  readonly together?: number;
  /** What a measurement takes without any work, and the clock's steps, ms. */
  readonly nothingMs?: number;
  readonly clockMs?: number;
  /** Measurements that take as much longer as something else wants the device. */
  readonly disturbed?: (call: number) => number;
}

/** A device whose workgroups run side by side as far as it has cores, and one after the other beyond. */
function made({ cores, roundMs, together = 1, nothingMs = 0, clockMs = 0, disturbed = () => 0 }: Made) {
  let [spent, calls] = [0, 0];
  const time = (groups: number, rounds: number): Promise<number> => {
    const each = rounds * roundMs;
    // Alone on its core a workgroup leaves `together` − 1 of as many instructions unused.
    const full = Math.floor(groups / (cores * together));
    const rest = groups - full * cores * together;
    const last = rest === 0 ? 0 : Math.max(1, Math.ceil(rest / cores) / together) * each;
    const ms = nothingMs + full * each + last + disturbed(calls++);
    spent += ms;
    return Promise.resolve(clockMs === 0 ? ms : Math.round(ms / clockMs) * clockMs);
  };
  const find = (changes: Partial<FillingOptions> = {}) =>
    fillingWorkgroups({ time, leastMs: 1, mayTake: () => true, ...changes });
  return {
    find,
    get spent() {
      return spent;
    },
  };
}

test.each([
  ['two cores of a processor', { cores: 2, roundMs: 4e-3 }, 2, 2],
  ['three', { cores: 3, roundMs: 4e-3 }, 3, 3],
  ['one', { cores: 1, roundMs: 4e-3 }, 1, 1],
  ['a laptop’s GPU, by a clock of 0.1 ms', { cores: 20, roundMs: 1e-4, clockMs: 0.1 }, 17, 23],
  ['a GPU that takes two for each core', { cores: 40, together: 2, roundMs: 1e-4 }, 72, 88],
  ['a large GPU', { cores: 132, roundMs: 8e-5, clockMs: 0.05 }, 118, 146],
  ['two cores, and waiting that takes as long', { cores: 2, roundMs: 4e-3, nothingMs: 1.5 }, 2, 2],
])('finds how many keep %s busy', async (_name, device, least, most) => {
  const found = await made(device).find();
  expect(found).toBeGreaterThanOrEqual(least);
  expect(found).toBeLessThanOrEqual(most);
});

test('takes some tens of milliseconds', async () => {
  const laptop = made({ cores: 20, roundMs: 1e-4 });
  await laptop.find();
  expect(laptop.spent).toBeLessThan(60);
});

test('one measurement of three that something else disturbs changes nothing', async () => {
  const device = made({ cores: 8, roundMs: 4e-3, disturbed: (call) => (call % 3 === 0 ? 7 : 0) });
  // Calls are counted from the first of three on: those that find the number of rounds are two.
  expect(await device.find()).toBe(8);
});

test('out of time, or stopped, it says nothing', async () => {
  const device = made({ cores: 20, roundMs: 1e-4 });
  expect(await device.find({ mayTake: () => device.spent < 5 })).toBeUndefined();
  expect(device.spent).toBeLessThan(10);
  expect(await device.find({ mayTake: () => false })).toBeUndefined();
});

test('of the device that there is: whatever it is, some, and nothing stays on it', async () => {
  const runtime = await openTestRuntime();
  const { live, total } = runtime.pool.report();
  const found = await measureWorkgroups(runtime, () => true);
  expect(found).toBeGreaterThanOrEqual(1);
  expect(found).toBeLessThanOrEqual(4096);
  expect(runtime.pool.report()).toMatchObject({ live, total });
  expect(runtime.tiles.workgroups).toBeUndefined();
  runtime.destroy();
});
