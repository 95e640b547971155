import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openNodeRuntime } from '../../src/cli/support/nodeGpu.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { fitPower } from '../../src/run/scaling/fit.ts';
import { scalingGrid, USUAL_VALUES } from '../../src/run/scaling/grid.ts';
import { measureScaling, type ScalingProgress } from '../../src/run/scaling/measure.ts';
import { METHODS } from '../../src/run/scaling/methods.ts';
import { scalingPicture } from '../../src/run/scaling/picture.ts';
import { AXES, exponentText, scalingTsv, type ScalingReport } from '../../src/run/scaling/report.ts';
import { configure, type Configuration } from '../../src/settings/configuration.ts';
import { SETTINGS } from '../../src/settings/configuration.ts';
import { isWellFormed, textsOf } from '../ui/svg.ts';

describe('the power law through points', () => {
  test('is found exactly where there is one', () => {
    const fit = fitPower([1, 2, 4, 8].map((x) => [x, 3 * x ** 1.7]))!;
    expect(fit.exponent).toBeCloseTo(1.7, 12);
    expect(fit.coefficient).toBeCloseTo(3, 12);
    expect(fit.interval![0]).toBeCloseTo(1.7, 6);
    expect(fit.interval![1]).toBeCloseTo(1.7, 6);
  });

  test('has the interval of a regression of the logarithms', () => {
    const fit = fitPower([
      [2, 3],
      [4, 5],
      [8, 12],
      [16, 20],
    ])!;
    const u = [2, 4, 8, 16].map(Math.log);
    const v = [3, 5, 12, 20].map(Math.log);
    // By the normal equations of y = a + b u, solved with determinants rather than centred sums.
    const n = 4;
    const s = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0);
    const [su, sv, suu] = [s(u), s(v), s(u.map((one) => one * one))];
    const suv = s(u.map((one, i) => one * v[i]!));
    const slope = (n * suv - su * sv) / (n * suu - su * su);
    const offset = (sv * suu - su * suv) / (n * suu - su * su);
    const residual = s(u.map((one, i) => (v[i]! - offset - slope * one) ** 2));
    const error = Math.sqrt((residual / 2) * (n / (n * suu - su * su)));
    expect(fit.exponent).toBeCloseTo(slope, 10);
    // t₀.₉₇₅ with 2 degrees of freedom, from tables.
    expect(fit.interval![1] - fit.exponent).toBeCloseTo(4.302652729911275 * error, 8);
    expect(fit.interval![0] + fit.interval![1]).toBeCloseTo(2 * slope, 10);
  });

  test('says nothing that the points do not', () => {
    expect(fitPower([])).toBeUndefined();
    expect(fitPower([[4, 2]])).toBeUndefined();
    expect(
      fitPower([
        [4, 2],
        [4, 3],
      ]),
    ).toBeUndefined();
    const two = fitPower([
      [1, 5],
      [2, 20],
    ])!;
    expect(two.exponent).toBeCloseTo(2, 12);
    expect(two.interval).toBeUndefined();
    expect(exponentText(two)).toBe('2.00');
    expect(exponentText({ exponent: -0.5, interval: [-1, 0.25], coefficient: 1 })).toBe('−0.50 (−1.00 to 0.25)');
    for (const bad of [0, -1, NaN, Infinity]) expect(() => fitPower([[1, bad]])).toThrow('positive');
  });
});

describe('the grid', () => {
  const at = configure({ seed: 5, chunks: 4 });

  test('changes one setting along an axis, for every method, and keeps the others', () => {
    const grid = scalingGrid(at, { chunks: [4, 8], rank: [2] });
    expect(grid.map(({ method, axis, value }) => `${axis} ${method.id} ${value}`)).toEqual([
      ...METHODS.flatMap(({ id }) => [`chunks ${id} 4`, `chunks ${id} 8`]),
      ...METHODS.map(({ id }) => `rank ${id} 2`),
    ]);
    for (const { method, axis, value, configuration } of grid) {
      const own = configuration as Configuration;
      expect(own).toMatchObject({ seed: 5, ...method.overrides, [axis]: value });
      if (axis === 'rank') expect(own).toMatchObject({ trained: 'lora', chunks: 4 });
      else expect(own.trained).toBe(at.trained);
    }
  });

  test('claims what the paper does: linear in B where A is sharp, quadratic for REPLUG', () => {
    const claims = METHODS.map(({ id, claims: of }) => [id, of.chunks]);
    expect(claims).toEqual([
      ['sharp', 1],
      ['soft', undefined],
      ['replug', 2],
    ]);
  });

  test('keeps to what settings take, and says of what does not go together why', () => {
    for (const values of Object.values(USUAL_VALUES))
      for (const axis of AXES) {
        const { min, max } = SETTINGS[axis];
        expect(values[axis].every((value, i) => value > (values[axis][i - 1] ?? 0))).toBe(true);
        expect(Math.min(...values[axis])).toBeGreaterThanOrEqual(min);
        expect(Math.max(...values[axis])).toBeLessThanOrEqual(max);
      }
    const [point] = scalingGrid(at, { chunks: [100_000] });
    expect(point!.configuration).toBeInstanceOf(Error);
  });
});

const TINY = configure({
  layers: 1,
  width: 16,
  heads: 2,
  kvHeads: 1,
  mlpWidth: 16,
  chunkTokens: 16,
  evaluateEvery: 1000,
  heldOutBatches: 1,
});

describe('measuring', () => {
  let runtime: Runtime;
  let report: ScalingReport;
  const heard: ScalingProgress[] = [];
  const options = {
    recipe: { configuration: TINY, text: undefined, title: undefined },
    openBases: () => Promise.reject(new Error('There are no checkpoints here.')),
    warmUp: 1,
    steps: 2,
  };

  beforeAll(async () => {
    runtime = await openNodeRuntime();
    report = await measureScaling(scalingGrid(TINY, { chunks: [4, 6, 8] }), {
      ...options,
      gpu: runtime.gpu,
      signal: new AbortController().signal,
      onProgress: (progress) => heard.push(progress),
    });
  });
  afterAll(() => runtime.destroy());

  test('takes time, memory, work and tokens of every point, and tells how far it is', () => {
    expect(report.curves.map(({ method, axis }) => `${method} ${axis}`)).toEqual(
      METHODS.map(({ id }) => `${id} chunks`),
    );
    for (const { points, omissions, fits } of report.curves) {
      expect(omissions).toEqual([]);
      expect(points.map(({ value }) => value)).toEqual([4, 6, 8]);
      for (const { stepMs, range, peakBytes, workingBytes, flops } of points) {
        expect(stepMs).toBeGreaterThan(0);
        expect(range[0]).toBeLessThanOrEqual(stepMs);
        expect(range[1]).toBeGreaterThanOrEqual(stepMs);
        expect(workingBytes).toBeGreaterThan(0);
        expect(peakBytes).toBeGreaterThan(workingBytes);
        expect(flops).toBeGreaterThan(1e4);
      }
      expect(fits.flops!.interval).toBeDefined();
    }
    expect(heard.map(({ done }) => done)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(heard.at(-1)).toMatchObject({ total: 9, now: '', report });
  });

  test('finds the exponents that are claimed in the work itself, which no load of the machine changes', () => {
    const exponent = (method: string): number =>
      report.curves.find((curve) => curve.method === method)!.fits.flops!.exponent;
    expect(exponent('sharp')).toBeGreaterThan(0.85);
    expect(exponent('sharp')).toBeLessThan(1.1);
    expect(exponent('soft')).toBeGreaterThan(exponent('sharp'));
    // B (B − 1) pairs are a little steeper than B², and what the retriever costs is linear.
    expect(exponent('replug')).toBeGreaterThan(1.6);
    expect(exponent('replug')).toBeLessThan(2.3);
  });

  test('is drawn, every point and exponent of it, and written as a table', () => {
    const svg = scalingPicture(report);
    expect(isWellFormed(svg)).toBe(true);
    expect(svg).not.toMatch(/NaN|undefined|Infinity|var\(/);
    const said = textsOf(svg).join('\n');
    for (const { label, fits, claim } of report.curves) {
      expect(said).toContain(label.replaceAll('&', '&amp;'));
      expect(said).toContain(`exponent ${exponentText(fits.flops!)}${claim === undefined ? '' : `, claimed ${claim}`}`);
    }
    // Nine points and a key, in each of three panels.
    expect(svg.match(/<circle/g)).toHaveLength(1 + 3 * (3 + 1));
    const [names, ...rows] = scalingTsv(report).trimEnd().split('\n');
    expect(rows).toHaveLength(9);
    for (const row of rows) expect(row.split('\t')).toHaveLength(names!.split('\t').length);
  });

  test('leaves out what does not fit, and goes on', async () => {
    const little = { ...TINY, memoryBudget: 1e-5 };
    const grid = scalingGrid(TINY, { chunks: [4, 6] }, METHODS.slice(0, 1)).map((point, i) =>
      i === 0
        ? { ...point, configuration: { ...(point.configuration as Configuration), memoryBudget: little.memoryBudget } }
        : point,
    );
    const one = await measureScaling(grid, { ...options, gpu: runtime.gpu, signal: new AbortController().signal });
    const [curve] = one.curves;
    expect(curve!.omissions).toEqual([{ value: 4, why: expect.stringContaining('memory') as string }]);
    expect(curve!.points.map(({ value }) => value)).toEqual([6]);
    expect(curve!.fits.stepMs).toBeUndefined();
  });

  test('stopped, it hands back what there is and gives the memory back', async () => {
    const { device } = runtime.gpu;
    let [made, destroyed] = [0, 0];
    const create = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      const buffer = create(descriptor);
      made++;
      const destroy = buffer.destroy.bind(buffer);
      let isGone = false;
      buffer.destroy = () => {
        if (!isGone) destroyed++;
        isGone = true;
        return destroy();
      };
      return buffer;
    };
    const control = new AbortController();
    try {
      const part = await measureScaling(scalingGrid(TINY, { chunks: [4, 6, 8] }), {
        ...options,
        gpu: runtime.gpu,
        signal: control.signal,
        onProgress: ({ done }) => {
          if (done === 2) control.abort();
        },
      });
      const points = part.curves.flatMap((curve) => curve.points);
      expect(points).toHaveLength(2);
      expect(part.curves[0]!.fits.flops).toBeDefined();
    } finally {
      device.createBuffer = create;
    }
    expect(made).toBeGreaterThan(10);
    // Uniforms are the recorder's own, a few for as long as the device is there.
    expect(made - destroyed).toBeLessThanOrEqual(4);
  });
});
