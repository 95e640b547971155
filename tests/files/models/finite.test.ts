import { expect, test } from 'vitest';
import { firstNonFinite } from '../../../src/files/models/finite.ts';
import { fromBf16, fromF16 } from '../../../src/ops/core/halfPrecision.ts';
import { seededRandom } from '../../harness/numerics.ts';

const widen = { BF16: fromBf16, F16: fromF16 };

test.each(['BF16', 'F16'] as const)('every %s pattern, in either half of a word', (dtype) => {
  for (let pattern = 0; pattern < 65536; pattern++) {
    const finite = Number.isFinite(widen[dtype]([pattern])[0]!);
    for (const place of [0, 1, 2]) {
      const numbers = Uint16Array.of(0xfbff, 0x7bff, 0x0001);
      if (dtype === 'BF16') numbers.set([0xff7f, 0x7f7f]);
      numbers[place] = pattern;
      expect(firstNonFinite(dtype, new Uint8Array(numbers.buffer))).toBe(finite ? -1 : place);
    }
  }
});

test('f32 words, at any alignment', () => {
  const random = seededRandom(41);
  for (let round = 0; round < 300; round++) {
    const words = Uint32Array.from({ length: 9 }, () => random() * 2 ** 32);
    // Every other time an exponent of all ones.
    if (round % 2) words[round % 9]! |= 0x7f800000;
    const file = new Uint8Array(40);
    const shift = round % 4;
    file.set(new Uint8Array(words.buffer), shift);
    const floats = [...new Float32Array(words.buffer)];
    expect(firstNonFinite('F32', file.subarray(shift, shift + 36))).toBe(floats.findIndex((x) => !Number.isFinite(x)));
  }
  expect(firstNonFinite('F32', new Uint8Array(0))).toBe(-1);
});
