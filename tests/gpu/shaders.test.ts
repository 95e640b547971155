import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shaderNames, shaderSource } from '../../src/gpu/shaderLibrary.ts';
import { PARAMS_HEADER_BYTES } from '../../src/gpu/shaderSource.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openTestRuntime } from '../harness/runtime.ts';

/** Values for the constants that a kernel declares without a default. */
const REQUIRED = { HEAD_DIM: 64, TILE: 16, V_NORM: true } as const;

let runtime: Runtime;
beforeAll(async () => {
  // Nothing beyond what every WebGPU device has: kernels that need more do not compile here.
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

const header = (code: string) => /^(?:\/\/.*\n)+/.exec(code)?.[0] ?? '';

test('the library holds every kernel of the folder', () => {
  const files = readdirSync('shaders').filter((name) => name.endsWith('.wgsl'));
  expect(files.length).toBeGreaterThan(10);
  expect(shaderNames()).toEqual(files.map((name) => name.replace('.wgsl', '')).sort());
  expect(() => shaderSource('nothing')).toThrow('There is no shaders/nothing.wgsl.');
  expect(shaderSource('add')).toBe(shaderSource('add'));
});

test.each(shaderNames())('%s says what it computes, keeps to the conventions and compiles', async (name) => {
  const source = shaderSource(name);
  const { code, params, bindings, constants } = source;
  expect(header(code), 'what it computes, as a formula').toMatch(/[=Σ→]/);
  expect(header(code), 'the shape of a binding, as [rows, columns]').toMatch(/\[[^\]]+\]/);
  expect(params.length).toBeGreaterThan(0);
  expect(PARAMS_HEADER_BYTES + 4 * params.length).toBeLessThanOrEqual(256);
  expect(bindings.filter(({ type }) => type !== 'uniform').length).toBeLessThanOrEqual(8);
  expect(bindings.some(({ type }) => type === 'storage')).toBe(true);
  expect(code).not.toMatch(/^\s*(enable|requires)\s/m);
  const needed = [...code.matchAll(/^override (\w+): \w+;/gm)].map((match) => match[1] ?? '');
  const given = Object.fromEntries(Object.entries(REQUIRED).filter(([constant]) => needed.includes(constant)));
  expect(Object.keys(given).sort()).toEqual(needed.sort());
  for (const constant of needed) expect(constants).toContain(constant);
  const compiled = await runtime.recorder.pipelines.get(source, given);
  expect(compiled.source).toBe(source);
});
