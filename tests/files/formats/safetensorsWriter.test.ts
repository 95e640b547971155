import { expect, test } from 'vitest';
import {
  concatenated,
  encodeFloats,
  headerLength,
  parseHeader,
  safetensorsChunks,
  safetensorsHeader,
  safetensorsPieces,
  SafetensorsError,
  writeSafetensors,
  type StoredDType,
} from '../../../src/files/formats/safetensors.ts';
import { fromBf16, fromF16, toBf16, toF16 } from '../../../src/ops/core/halfPrecision.ts';

const data = Float32Array.of(1.5, -0.1, 3e-5, 1000.25, 7);
const entry = (name: string, dtype: StoredDType, ...shape: number[]) => ({ name, dtype, shape });

function parsed(file: Uint8Array) {
  return parseHeader(file.subarray(8, 8 + headerLength(file, file.length)), file.length).tensors;
}

test('half-precision tensors are written in their own format, wider ones first, each at a multiple of its size', () => {
  const file = writeSafetensors([
    { name: 'half', shape: [5], data, dtype: 'F16' },
    { name: 'brain', shape: [5, 1], data, dtype: 'BF16' },
    { name: 'full', shape: [1, 5], data },
  ]);
  const tensors = parsed(file);
  const bytes = (name: string) => file.slice(tensors.get(name)!.begin, tensors.get(name)!.end).buffer;
  expect([...tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
    ['full', 'F32', [1, 5]],
    ['half', 'F16', [5]],
    ['brain', 'BF16', [5, 1]],
  ]);
  for (const { begin, dtype } of tensors.values()) expect(begin % (dtype === 'F32' ? 4 : 2)).toBe(0);
  expect(new Float32Array(bytes('full'))).toEqual(data);
  expect(fromF16(new Uint16Array(bytes('half')))).toEqual(fromF16(toF16(data)));
  expect(fromBf16(new Uint16Array(bytes('brain')))).toEqual(fromBf16(toBf16(data)));
});

test('chunks of f32 tensors are views of the numbers, not copies', () => {
  const whole = new Float32Array(12);
  const chunks = safetensorsChunks([{ name: 'a', shape: [5], data: whole.subarray(2, 7) }]);
  expect(chunks).toHaveLength(2);
  expect(chunks[1]).toMatchObject({ byteOffset: 8, byteLength: 20 });
  expect(chunks[1]!.buffer).toBe(whole.buffer);
  const shared = new Float32Array(new SharedArrayBuffer(8));
  expect(encodeFloats(shared, 'F32').buffer).toBeInstanceOf(ArrayBuffer);
});

test('a name that objects have of their own is a name like any other', () => {
  const file = writeSafetensors(['__proto__', 'constructor', '7'].map((name) => ({ name, shape: [5], data })));
  expect([...parsed(file).keys()].sort()).toEqual(['7', '__proto__', 'constructor']);
});

test('a checkpoint is planned before its numbers are there, and written piece by piece', async () => {
  const entries = [entry('b', 'BF16', 3, 2), entry('none', 'F32', 0, 4), entry('a', 'F32', 2)];
  const plan = safetensorsHeader(entries, { format: 'pt' });
  expect(plan.tensors.map(({ name }) => name)).toEqual(['none', 'a', 'b']);
  const floats = { none: new Float32Array(), a: Float32Array.of(1, 2), b: Float32Array.of(1, 2, 3, 4, 5, 6) };
  const pieces: Uint8Array[] = [];
  for await (const piece of safetensorsPieces(plan, function* ({ name, dtype }) {
    const bytes = encodeFloats(floats[name as keyof typeof floats], dtype);
    yield bytes.subarray(0, 3);
    yield bytes.subarray(3);
  }))
    pieces.push(piece);
  const file = concatenated(pieces);
  expect(file.length).toBe(plan.fileBytes);
  expect(file).toEqual(
    writeSafetensors(
      entries.map(({ name, shape, dtype }) => ({ name, shape, dtype, data: floats[name as keyof typeof floats] })),
      { format: 'pt' },
    ),
  );
});

test('a whole checkpoint of 0.5 billion parameters is planned without its numbers', () => {
  const layers = Array.from({ length: 24 }, (_, i) => entry(`layers.${i}`, 'BF16', 896, 16_000));
  const plan = safetensorsHeader([entry('embedding', 'BF16', 151_936, 896), ...layers]);
  expect(plan.fileBytes - plan.header.length).toBe(2 * (151_936 * 896 + 24 * 896 * 16_000));
  expect(parseHeader(plan.header.subarray(8), plan.fileBytes).tensors.size).toBe(25);
});

test('too few or too many bytes for a tensor end the writing', async () => {
  const plan = safetensorsHeader([entry('a', 'F32', 2)]);
  for (const length of [0, 7, 9]) {
    const write = async () => {
      let written = 0;
      for await (const piece of safetensorsPieces(plan, () => [new Uint8Array(length)])) written += piece.length;
      return written;
    };
    await expect(write()).rejects.toThrow(SafetensorsError);
    await expect(write()).rejects.toThrow(`Tensor "a" takes 8 bytes, but ${length} were given`);
  }
});

test.each([
  [[entry('a', 'F32', 2), entry('a', 'F32', 2)], /Two tensors are called "a"/],
  [[entry('__metadata__', 'F32', 2)], /cannot be called "__metadata__"/],
  [[entry('a', 'F32', 2 ** 40, 2 ** 40)], /its shape \[\d+, \d+\] cannot be written/],
  [[entry('a', 'F32', 2.5)], /its shape \[2\.5\] cannot be written/],
  [[entry('a', 'F32', -1, -1)], /its shape \[-1, -1\] cannot be written/],
])('a plan that no reader would take is refused: %#', (entries, message) => {
  expect(() => safetensorsHeader(entries)).toThrow(SafetensorsError);
  expect(() => safetensorsHeader(entries)).toThrow(message);
});
