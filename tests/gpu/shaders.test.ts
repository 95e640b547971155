import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shaderSource } from '../../src/gpu/shaderLibrary.ts';
import { PARAMS_HEADER_BYTES } from '../../src/gpu/shaderSource.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { KERNELS, SHADER_FOLDERS } from '../harness/shaders.ts';

/** Values for the constants that a kernel declares without a default. */
const REQUIRED = { HEAD_DIM: 64, TILE: 16, V_NORM: true } as const;

let runtime: Runtime;
beforeAll(async () => {
  // Nothing beyond what every WebGPU device has: kernels that need more do not compile here.
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

const header = (code: string) => /^(?:\/\/.*\n)+/.exec(code)?.[0] ?? '';

test('the library holds the kernels of the folders, and nothing else', () => {
  expect(KERNELS.length).toBeGreaterThan(40);
  expect(() => shaderSource('add/nothing')).toThrow('There is no shaders/add/nothing.wgsl.');
  expect(() => shaderSource('lib/finite')).toThrow('There is no shaders/lib/finite.wgsl.');
  expect(shaderSource('add/forward')).toBe(shaderSource('add/forward'));
});

test('a kernel in the form for a feature has the helpers’ forms, and enables it behind the comment that it begins with', () => {
  const [usual, form] = [shaderSource('gemm/tiled'), shaderSource('gemm/tiled+f16')];
  expect(form.code.startsWith(header(usual.code) + 'enable f16;\n')).toBe(true);
  expect(form).toMatchObject({ name: 'gemm/tiled+f16', bindings: usual.bindings, params: usual.params });
  expect(() => shaderSource('add/forward+f16')).toThrow('no helper has a form for f16');
  expect(() => shaderSource('add/nothing+f16')).toThrow('There is no shaders/add/nothing.wgsl.');
});

test('each folder of kernels belongs to the op of its name', () => {
  for (const folder of SHADER_FOLDERS.keys()) {
    if (folder === 'lib') continue;
    const op = ['', 'core/'].map((place) => `${place}${folder}`).find((name) => existsSync(`src/ops/${name}.ts`));
    expect(op, `the op of shaders/${folder}`).toBeDefined();
    expect(readFileSync(`src/ops/${op}.ts`, 'utf8'), `src/ops/${op}.ts`).toContain(`${folder}/`);
    expect(existsSync(`tests/ops/${op}.test.ts`), `tests/ops/${op}.test.ts`).toBe(true);
  }
});

test('a helper has no entry point, and several kernels come to include it', () => {
  const textOf = (path: string): string => readFileSync(`shaders/${path}.wgsl`, 'utf8');
  const reached = (path: string): string[] =>
    [...textOf(path).matchAll(/^\/\/!include (\w+)$/gm)].flatMap(([, name]) => [name!, ...reached(`lib/${name}`)]);
  const users = KERNELS.map((name) => new Set(reached(name)));
  for (const file of SHADER_FOLDERS.get('lib') ?? []) {
    // A form for a feature belongs to the helper of its name.
    const name = file.replace(/(\.(f16|subgroups))?\.wgsl$/, '');
    expect(users.filter((helpers) => helpers.has(name)).length, name).toBeGreaterThan(1);
    expect(textOf(`lib/${file.replace(/\.wgsl$/, '')}`)).not.toMatch(/@compute/);
  }
});

test.each(KERNELS)('%s says what it computes, keeps to the conventions and compiles', async (name) => {
  const source = shaderSource(name);
  const { code, params, bindings, constants } = source;
  expect(readFileSync(`shaders/${name}.wgsl`, 'utf8'), 'an entry point of its own').toMatch(/^@compute .*\nfn main\(/m);
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
  const compiled = await runtime.recorder.pipelines.find(source, given).get();
  expect(compiled.source).toBe(source);
});
