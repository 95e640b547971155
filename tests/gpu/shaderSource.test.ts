import { expect, test } from 'vitest';
import { parseShader, resolveIncludes } from '../../src/gpu/shaderSource.ts';

const KERNEL = `// doubles
struct Params {
  groupOffset: vec3u,
  count: u32, // numbers
  shift: i32,
  scale: f32,
}
override FAST: bool = false;
override TILE: u32 = 4u;
// override OLD: u32;
// @group(0) @binding(9) var<storage, read> old: array<f32>;
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0)
@binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<storage> z: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3u) { y[id.x + params.groupOffset.x] = x[0]; }
`;

test('bindings, parameters and constants are read off the text, comments left out', () => {
  const source = parseShader('kernel', KERNEL);
  expect(source.bindings).toEqual([
    { name: 'params', binding: 0, type: 'uniform' },
    { name: 'x', binding: 2, type: 'read-only-storage' },
    { name: 'y', binding: 1, type: 'storage' },
    { name: 'z', binding: 3, type: 'read-only-storage' },
  ]);
  expect(source.params).toEqual([
    { name: 'count', type: 'u32' },
    { name: 'shift', type: 'i32' },
    { name: 'scale', type: 'f32' },
  ]);
  expect(source.constants).toEqual(['FAST', 'TILE']);
  expect(source).toMatchObject({ name: 'kernel', code: KERNEL });
});

test.each([
  ['Params without groupOffset first', KERNEL.replace('groupOffset: vec3u,', ''), /must begin with groupOffset: vec3u/],
  ['groupOffset of another type', KERNEL.replace('vec3u,', 'vec3i,'), /must begin with groupOffset: vec3u/],
  ['a parameter that cannot be packed', KERNEL.replace('scale: f32', 'scale: vec2f'), /parameter scale has type vec2f/],
  ['groupOffset that is not used', KERNEL.replace('params.groupOffset.x', '0u'), /must add params\.groupOffset/],
  [
    'groupOffset used in a comment only',
    KERNEL.replace(' + params.groupOffset.x', '/**/ // groupOffset\n'),
    /must add/,
  ],
  [
    'another bind group',
    KERNEL.replace('@group(0) @binding(3)', '@group(1) @binding(3)'),
    /every binding must be written/,
  ],
  ['attributes the other way round', KERNEL.replace('@group(0) @binding(3)', '@binding(3) @group(0)'), /every binding/],
  ['a number twice', KERNEL.replace('@binding(3)', '@binding(2)'), /two bindings have the same number/],
  ['params elsewhere', KERNEL.replace('@binding(0)', '@binding(4)'), /binding 0 must be var<uniform> params/],
  ['a second uniform', KERNEL.replace('var<storage> z', 'var<uniform> z'), /no other may be uniform/],
  ['a storage buffer at 0', KERNEL.replace('var<uniform> params', 'var<storage> params'), /binding 0 must be/],
])('%s is refused, with the name of the kernel', (_what, code, message) => {
  expect(code).not.toBe(KERNEL);
  expect(() => parseShader('kernel', code)).toThrow(message);
  expect(() => parseShader('kernel', code)).toThrow(/^kernel: /);
});

test('includes are resolved through helpers, each helper once', () => {
  const library = new Map([
    ['outer', 'fn outer() {}\n//!include inner'],
    ['inner', 'fn inner() {}'],
    ['circle', '//!include circle\nfn circle() {}'],
  ]);
  const resolve = (code: string) =>
    resolveIncludes('kernel', code, library)
      .split('\n')
      .filter((line) => line !== '');
  expect(resolve('a\n//!include outer\nb')).toEqual(['a', 'fn outer() {}', 'fn inner() {}', 'b']);
  expect(resolve('//!include inner  \r\n//!include outer\n//!include outer')).toEqual([
    'fn inner() {}',
    'fn outer() {}',
  ]);
  expect(resolve('//!include circle')).toEqual(['fn circle() {}']);
  // Only whole lines: a mention in a sentence is no include.
  expect(resolve('x // see //!include inner')).toEqual(['x // see //!include inner']);
});

test('a missing helper is an error that names who wants it', () => {
  const library = new Map([['outer', '//!include gone']]);
  expect(() => resolveIncludes('kernel', '//!include gone', library)).toThrow(
    'kernel includes gone, but shaders/lib/gone.wgsl does not exist.',
  );
  expect(() => resolveIncludes('kernel', '//!include outer', library)).toThrow(/^lib\/outer includes gone/);
});
