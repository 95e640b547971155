import { expect, test } from 'vitest';
import {
  headerLength,
  parseHeader,
  SafetensorsError,
  writeSafetensors,
} from '../../../src/files/formats/safetensors.ts';
import { randomInt, seededRandom } from '../../harness/numerics.ts';
import { fileWithHeader } from '../helpers.ts';

const encode = (text: string) => new TextEncoder().encode(text);

/** Header of a whole file, as openWeights reads it. */
function parseFile(file: Uint8Array) {
  const length = headerLength(file.subarray(0, 8), file.length);
  return parseHeader(file.subarray(8, 8 + length), file.length);
}

function failure(work: () => unknown): unknown {
  try {
    work();
  } catch (cause) {
    return cause;
  }
  return undefined;
}

const VALID = {
  __metadata__: { format: 'pt' },
  a: { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
  b: { dtype: 'BF16', shape: [5], data_offsets: [24, 34] },
  scalar: { dtype: 'I64', shape: [], data_offsets: [34, 42] },
  empty: { dtype: 'F16', shape: [0, 7], data_offsets: [24, 24] },
};

test('a header tells names, formats, shapes and places in the file', () => {
  const file = fileWithHeader(VALID, 42);
  const { tensors, metadata, dataOffset } = parseFile(file);
  expect(metadata).toEqual({ format: 'pt' });
  expect(dataOffset).toBe(file.length - 42);
  expect([...tensors.values()]).toEqual([
    { name: 'a', dtype: 'F32', shape: [2, 3], begin: dataOffset, end: dataOffset + 24 },
    { name: 'b', dtype: 'BF16', shape: [5], begin: dataOffset + 24, end: dataOffset + 34 },
    { name: 'scalar', dtype: 'I64', shape: [], begin: dataOffset + 34, end: dataOffset + 42 },
    { name: 'empty', dtype: 'F16', shape: [0, 7], begin: dataOffset + 24, end: dataOffset + 24 },
  ]);
});

const one = (change: object) => ({ t: { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16], ...change } });
const deep = '['.repeat(100_000) + ']'.repeat(100_000);

test.each<[string, unknown, RegExp]>([
  ['an overlap', { ...one({}), u: { dtype: 'U8', shape: [4], data_offsets: [12, 16] } }, /"t" and "u" overlap/],
  ['a size that the shape does not have', one({ shape: [2, 3] }), /takes 24 bytes, but 16 are given/],
  ['an end before the begin', one({ data_offsets: [16, 0] }), /but -16 are given/],
  ['an unknown format', one({ dtype: 'F8' }), /unknown number format "F8"/],
  ['a format named like a property of every object', one({ dtype: 'toString' }), /unknown number format "toString"/],
  ['a format that is no text', one({ dtype: 4 }), /number format is not a text/],
  ['a shape beyond 2^53', one({ shape: [2 ** 27, 2 ** 27] }), /impossibly large/],
  ['a length beyond 2^53', one({ shape: [2 ** 53] }), /not a list of whole numbers/],
  [
    'many lengths whose product is infinite, and a zero',
    one({ shape: [...new Array<number>(40).fill(2 ** 52), 0] }),
    /impossibly large/,
  ],
  ['offsets beyond 2^53', one({ data_offsets: [2 ** 53, 2 ** 53 + 16] }), /offsets are not two whole numbers/],
  ['offsets near 2^53', one({ data_offsets: [2 ** 53 - 17, 2 ** 53 - 1] }), /the file is cut short/],
  ['a negative offset', one({ data_offsets: [-16, 0] }), /offsets are not two whole numbers/],
  ['a fractional offset', one({ data_offsets: [0.5, 16.5] }), /offsets are not two whole numbers/],
  ['three offsets', one({ data_offsets: [0, 16, 32] }), /offsets are not two whole numbers/],
  ['offsets as text', one({ data_offsets: ['0', '16'] }), /offsets are not two whole numbers/],
  ['a negative length', one({ shape: [-2, -2] }), /not a list of whole numbers/],
  ['no shape', one({ shape: null }), /not a list of whole numbers/],
  ['data beyond the file', one({ shape: [5], data_offsets: [0, 20] }), /but the file has \d+: the file is cut short/],
  ['an entry that is no object', { t: 3 }, /its entry is not an object/],
  ['metadata that is no object', { __metadata__: 'pt' }, /metadata is not an object/],
  ['metadata that is a list', { __metadata__: ['pt'] }, /metadata is not an object/],
  ['metadata that is no text', { __metadata__: { a: { toString: 1 } } }, /metadata's "a" is not a text/],
  ['a list', [], /header is not an object/],
  ['null', 'null', /header is not an object/],
  ['no JSON', '{"t":', /not readable JSON/],
  ['nothing', '', /not readable JSON/],
  ['no UTF-8', Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), /not readable JSON/],
  [
    'a format nested without end',
    `{"t":{"dtype":${deep},"shape":[],"data_offsets":[0,0]}}`,
    /number format is not a text/,
  ],
])('%s is refused', (_what, header, message) => {
  const error = failure(() => parseFile(fileWithHeader(header, 16)));
  expect(error).toBeInstanceOf(SafetensorsError);
  expect((error as Error).message).toMatch(message);
});

test('a file cut short anywhere is refused', () => {
  const file = fileWithHeader(VALID, 42);
  for (let length = 0; length < file.length; length++)
    expect(
      failure(() => parseFile(file.subarray(0, length))),
      `${length} bytes`,
    ).toBeInstanceOf(SafetensorsError);
  expect(parseFile(file).tensors.size).toBe(4);
});

test('a header longer than the file or than the format allows is refused', () => {
  const first = (length: bigint) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    return bytes;
  };
  expect(headerLength(first(92n), 100)).toBe(92);
  expect(() => headerLength(first(93n), 100)).toThrow(/header has 93 bytes, but it has 100 bytes in all/);
  expect(() => headerLength(first(2n ** 64n - 1n), 100)).toThrow(SafetensorsError);
  expect(headerLength(first(100_000_000n), 2e8)).toBe(1e8);
  expect(() => headerLength(first(100_000_001n), 2e8)).toThrow(SafetensorsError);
  expect(() => headerLength(new Uint8Array(7), 7)).toThrow(/shorter than its first 8 bytes/);
  // The 8 bytes may lie anywhere in a larger buffer.
  const inside = new Uint8Array(20);
  inside.set(first(5n), 3);
  expect(headerLength(inside.subarray(3, 11), 100)).toBe(5);
});

test('what is written is read back, at places that are multiples of 8 from a header of that length', () => {
  const random = seededRandom(7);
  for (let round = 0; round < 50; round++) {
    const tensors = Array.from({ length: randomInt(random, 0, 6) }, (_, i) => {
      const shape = Array.from({ length: randomInt(random, 0, 3) }, () => randomInt(random, 0, 5));
      const count = shape.reduce((product, length) => product * length, 1);
      return {
        name: `tensor "${i}" ü${'x'.repeat(randomInt(random, 0, 9))}`,
        shape,
        data: Float32Array.from({ length: count }, random),
      };
    });
    const metadata: Record<string, string> = round % 2 === 0 ? {} : { note: `é ${round}` };
    const file = writeSafetensors(tensors, metadata);
    const header = parseFile(file);
    expect(header.dataOffset % 8).toBe(0);
    expect(header.metadata).toEqual(metadata);
    expect([...header.tensors.keys()]).toEqual(tensors.map(({ name }) => name));
    for (const { name, shape, data } of tensors) {
      const stored = header.tensors.get(name)!;
      expect(stored).toMatchObject({ dtype: 'F32', shape });
      expect(new Float32Array(file.slice(stored.begin, stored.end).buffer)).toEqual(data);
    }
    expect(Math.max(header.dataOffset, ...[...header.tensors.values()].map(({ end }) => end))).toBe(file.length);
  }
});

test('what could not be read again is not written', () => {
  const data = new Float32Array(6);
  expect(() => writeSafetensors([{ name: 'a', shape: [2, 2], data }])).toThrow(/"a": 6 numbers do not fill \[2, 2\]/);
  expect(() => writeSafetensors([0, 1].map(() => ({ name: 'a', shape: [6], data })))).toThrow(
    /Two tensors are called "a"/,
  );
});

test('mutated headers are read or refused with SafetensorsError, and what is read is sound', () => {
  const random = seededRandom(8);
  const FRAGMENTS = [
    '9007199254740993', '1e400', '-0', '-1', '0.5', '1e3', 'null', 'true', '[]', '{}', '"', '\\', '\\u0000', ',', ':', '[', ']', '{', '}',
    '"__proto__":', '"__metadata__":', '{"toString":1,"valueOf":2}', '"F64"', '"BOOL"', '"constructor"', '[[[[', '0', '24', '\ufeff', '\n',
  ]; // prettier-ignore
  const base = encode(JSON.stringify(VALID));
  const outcomes = { read: 0, refused: 0 };
  for (let round = 0; round < 24_000; round++) {
    let header: Uint8Array = base;
    for (let mutation = round % 3 === 0 ? 3 : 1; mutation > 0; mutation--) {
      const at = randomInt(random, 0, header.length);
      const cut = random() < 0.5 ? randomInt(random, 0, 3) : 0;
      const fragment = FRAGMENTS[randomInt(random, 0, FRAGMENTS.length - 1)]!;
      const kind = random();
      const insert =
        kind < 0.35
          ? encode(fragment)
          : kind < 0.6
            ? Uint8Array.of(randomInt(random, 0, 255))
            : kind < 0.8
              ? encode(String(randomInt(random, 0, 50)))
              : header.subarray(at, at + randomInt(random, 0, 30));
      const rest = header.subarray(Math.min(header.length, at + cut));
      const mutated = new Uint8Array(at + insert.length + rest.length);
      mutated.set(header.subarray(0, at));
      mutated.set(insert, at);
      mutated.set(rest, at + insert.length);
      header = mutated;
    }
    const file = fileWithHeader(header, 42);
    // Now and then the length itself is wrong.
    if (round % 10 === 0) file[randomInt(random, 0, 7)] = randomInt(random, 0, 255);
    const fileBytes = round % 17 === 0 ? randomInt(random, 0, file.length) : file.length;
    try {
      const { tensors, metadata, dataOffset } = parseFile(file.subarray(0, fileBytes));
      outcomes.read++;
      const placed = [...tensors.values()].filter(({ begin, end }) => begin !== end).sort((a, b) => a.begin - b.begin);
      let end = dataOffset;
      for (const tensor of placed) {
        if (!(tensor.begin >= end && tensor.end <= fileBytes)) throw new Error(`${tensor.name} lies where it cannot`);
        end = tensor.end;
      }
      if (Object.values(metadata).some((text) => typeof text !== 'string')) throw new Error('metadata that is no text');
    } catch (cause) {
      if (!(cause instanceof SafetensorsError))
        throw new Error(`round ${round}: ${String(cause)} on ${new TextDecoder().decode(header)}`, { cause });
      outcomes.refused++;
    }
  }
  // Both happen often, or the mutations would test nothing.
  expect(outcomes.read).toBeGreaterThan(1000);
  expect(outcomes.refused).toBeGreaterThan(10_000);
});
