import { expect, test } from 'vitest';
import { ParamBlock, SLOT_BYTES, splitGroups } from '../../src/gpu/params.ts';
import { parseShader } from '../../src/gpu/shaderSource.ts';
import { randomInt, seededRandom } from '../harness/numerics.ts';

const source = parseShader(
  'kernel',
  `struct Params { groupOffset: vec3u, count: u32, shift: i32, scale: f32 }
@group(0) @binding(0) var<uniform> params: Params;
fn main() { _ = params.groupOffset; }`,
);

test('params are packed behind groupOffset, little-endian, each in its own format', () => {
  const block = new ParamBlock();
  expect(block.add(source, 7, 8, 4_000_000_000, { scale: 0.1, count: 4_294_967_295, shift: -3 })).toBe(0);
  const view = new DataView(block.bytes.buffer);
  expect(block.bytes.byteLength).toBe(SLOT_BYTES);
  expect([0, 4, 8].map((at) => view.getUint32(at, true))).toEqual([7, 8, 4_000_000_000]);
  expect(view.getUint32(12, true)).toBe(4_294_967_295);
  expect(view.getInt32(16, true)).toBe(-3);
  expect(view.getFloat32(20, true)).toBe(Math.fround(0.1));
  expect(view.getFloat64(24)).toBe(0);
});

test('each dispatch has a slot of its own, however many there are, and an emptied block begins again', () => {
  const block = new ParamBlock();
  const counts = Array.from({ length: 37 }, (_, i) => 3 * i + 1);
  const countsIn = (slots: number) =>
    Array.from({ length: slots }, (_, i) => new DataView(block.bytes.buffer).getUint32(i * SLOT_BYTES + 12, true));
  expect(counts.map((count) => block.add(source, 0, 0, 0, { count, shift: 0, scale: 0 }))).toEqual([...counts.keys()]);
  expect(block.bytes.byteLength).toBe(37 * SLOT_BYTES);
  expect(countsIn(37)).toEqual(counts);
  block.clear();
  expect([block.slots, block.bytes.byteLength]).toEqual([0, 0]);
  expect(block.add(source, 0, 0, 0, { count: 99, shift: 0, scale: 0 })).toBe(0);
  expect(countsIn(1)).toEqual([99]);
});

test.each([
  ['a missing field', { count: 1, shift: 2 }, /takes the parameters count, shift, scale; got count, shift/],
  ['a field too many', { count: 1, shift: 2, scale: 3, more: 4 }, /got count, shift, scale, more/],
  ['a wrong name', { count: 1, shift: 2, scales: 3 }, /kernel: parameter scale is missing/],
])('%s is refused, and takes no slot', (_what, values, message) => {
  const block = new ParamBlock();
  expect(() => block.add(source, 0, 0, 0, values as Record<string, number>)).toThrow(message);
  expect(block.slots).toBe(0);
});

test('pieces of a grid cover it exactly once, none beyond the limit, as many as asked for', () => {
  const random = seededRandom(3);
  let split = 0;
  for (let round = 0; round < 600; round++) {
    const groups = [randomInt(random, 1, 23), randomInt(random, 1, 9), randomInt(random, 1, 7)] as const;
    const limit = randomInt(random, 1, 12);
    const parts = randomInt(random, 1, round % 3 === 0 ? 3000 : 20);
    const pieces = splitGroups(groups, parts, limit);
    const seen = new Uint8Array(groups[0] * groups[1] * groups[2]);
    // Plain comparisons: an expect() for each of some million numbers would take most of a minute.
    const fits = pieces.every(({ offset, groups: size }) =>
      ([0, 1, 2] as const).every(
        (axis) => size[axis] > 0 && size[axis] <= limit && offset[axis] + size[axis] <= groups[axis],
      ),
    );
    expect(fits, JSON.stringify({ groups, limit, parts })).toBe(true);
    for (const { offset, groups: size } of pieces)
      for (let z = 0; z < size[2]; z++)
        for (let y = 0; y < size[1]; y++)
          for (let x = 0; x < size[0]; x++)
            seen[((offset[2] + z) * groups[1] + offset[1] + y) * groups[0] + offset[0] + x]!++;
    expect(seen.every((count) => count === 1)).toBe(true);
    expect(pieces.length).toBeGreaterThanOrEqual(Math.min(parts, seen.length));
    if (pieces.length > 1) split++;
  }
  expect(split).toBeGreaterThan(300);
});

test('a grid that fits is one piece, and one that does not is cut along z first', () => {
  expect(splitGroups([100, 5, 6], 1, 65535)).toEqual([{ offset: [0, 0, 0], groups: [100, 5, 6] }]);
  expect(splitGroups([100, 5, 6], 2, 65535)).toEqual([
    { offset: [0, 0, 0], groups: [100, 5, 3] },
    { offset: [0, 0, 3], groups: [100, 5, 3] },
  ]);
  expect(splitGroups([100, 1, 1], 0, 65535)).toHaveLength(1);
  expect(splitGroups([70000, 1, 1], 1, 65535)).toEqual([
    { offset: [0, 0, 0], groups: [35000, 1, 1] },
    { offset: [35000, 0, 0], groups: [35000, 1, 1] },
  ]);
});
