import { expect, test } from 'vitest';
import { fromBf16, fromF16, toBf16, toF16 } from '../../../src/ops/core/halfPrecision.ts';
import { seededRandom } from '../../harness/numerics.ts';

const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i);
const FORMATS = [
  { name: 'bf16', narrow: toBf16, widen: fromBf16, infinity: 0x7f80 },
  { name: 'f16', narrow: toF16, widen: fromF16, infinity: 0x7c00 },
];

test.each(FORMATS)('every $name number survives widening and narrowing', ({ narrow, widen, infinity }) => {
  const wide = widen(patterns);
  const back = narrow(wide);
  for (let i = 0; i < 65536; i++) {
    if ((i & 0x7fff) > infinity) expect(wide[i]).toBeNaN();
    else if (back[i] !== i) throw new Error(`${i} became ${wide[i]} and then ${back[i]}`);
  }
  expect([...widen(narrow([NaN]))]).toEqual([NaN]);
});

test.each(FORMATS)('$name rounds to the nearest, ties to even', ({ narrow, widen, infinity }) => {
  const random = seededRandom(3);
  // Neighbouring patterns are neighbouring numbers, so between two of them everything is known.
  for (let round = 0; round < 20000; round++) {
    const below = Math.floor(random() * (infinity - 1));
    const [low, high] = [...widen([below, below + 1])] as [number, number];
    const middle = (low + high) / 2;
    const even = below % 2 === 0 ? below : below + 1;
    const near = (high - low) * 0.4;
    const sign = random() < 0.5 ? 0 : 0x8000;
    const signed = (x: number) => (sign ? -x : x);
    expect([...narrow([signed(middle), signed(middle - near), signed(middle + near)])]).toEqual([
      sign | even,
      sign | below,
      sign | (below + 1),
    ]);
  }
});

test('known numbers', () => {
  expect([...toF16([1, -2, 65504, 65519.99, 65520, 1e9, -Infinity, 2 ** -24, 2 ** -25, 2 ** -25 * 1.001, -0])]).toEqual(
    [0x3c00, 0xc000, 0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 1, 0, 1, 0x8000],
  );
  expect([...toBf16([1, -2, 3.14159274, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, -0])]).toEqual([
    0x3f80, 0xc000, 0x4049, 0x3f80, 0x3f82, 0x7f80, 0x8000,
  ]);
});
