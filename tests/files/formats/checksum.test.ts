import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { memorySource } from '../../../src/files/formats/byteSource.ts';
import { Checksum, sealedChunks, textChecksum, verifySeal } from '../../../src/files/formats/checksum.ts';
import {
  concatenated,
  headerLength,
  parseHeader,
  SafetensorsError,
  writeSafetensors,
} from '../../../src/files/formats/safetensors.ts';
import { randomInt, seededRandom } from '../../harness/numerics.ts';
import { CountingSource } from '../mutations.ts';

const PIECE = 4 * 2 ** 20;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/** As it is defined, by another implementation of SHA-256. */
function expected(bytes: Uint8Array): string {
  const digests: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += PIECE) digests.push(sha256(bytes.subarray(at, at + PIECE)));
  return sha256(Buffer.concat(digests)).toString('hex');
}

async function checksumOf(chunks: Iterable<Uint8Array>): Promise<string> {
  const checksum = new Checksum();
  for (const chunk of chunks) await checksum.add(chunk);
  return checksum.hex();
}

test.each([0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 77])('%d bytes, cut in any way', async (size) => {
  const random = seededRandom(size);
  const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 2654435761) >>> 13);
  expect(await checksumOf([bytes])).toBe(expected(bytes));
  for (let round = 0; round < 3; round++) {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < size;) {
      const length = randomInt(random, 0, 2 * PIECE);
      chunks.push(bytes.subarray(at, at + length));
      at += length;
    }
    expect(await checksumOf(chunks)).toBe(expected(bytes));
  }
});

test('the checksum of a text', async () => {
  expect(await textChecksum('Shore "ü"')).toBe(expected(new TextEncoder().encode('Shore "ü"')));
});

const TENSORS = [
  { name: 'a', shape: [2], data: Float32Array.of(1, 2) },
  { name: 'large', shape: [1.5 * 2 ** 20], data: new Float32Array(1.5 * 2 ** 20).fill(3) },
];
const headerOf = (file: Uint8Array) => {
  const end = 8 + headerLength(file.subarray(0, 8), file.length);
  return parseHeader(file.subarray(8, end), file.length);
};
const verified = (file: Uint8Array) => verifySeal(memorySource('a.safetensors', file), headerOf(file));

test('a sealed file differs from a plain one by one entry of its metadata', async () => {
  const sealed = headerOf(concatenated(await sealedChunks(TENSORS, { format: 'pt' })));
  const plain = headerOf(writeSafetensors(TENSORS, { format: 'pt' }));
  expect(sealed.metadata).toEqual({ format: 'pt', revela_checksum: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
  const shapes = (header: typeof plain) =>
    [...header.tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape]);
  expect(shapes(sealed)).toEqual(shapes(plain));
});

test('a sealed file is read once and in pieces; a change anywhere in it is noticed', async () => {
  const file = concatenated(await sealedChunks(TENSORS, { note: 'It says "revela_checksum":"' }));
  const source = new CountingSource('a.safetensors', file);
  await verifySeal(source, headerOf(file));
  expect(source.bytesRead).toBe(file.length);
  expect(source.reads).toBe(1 + Math.ceil((file.length - headerOf(file).dataOffset) / PIECE));
  for (const at of [12, headerOf(file).dataOffset, file.length - 1]) {
    const changed = file.slice();
    changed[at]! ^= 1;
    // The first is in the name "__metadata__": then no checksum is found, and the header is refused for what is in its place.
    await expect((async () => verified(changed))()).rejects.toThrow(SafetensorsError);
  }
  await expect(verified(concatenated([file, Uint8Array.of(0)]))).rejects.toThrow(
    /is damaged: its checksum is not that/,
  );
});

test('a file that has no checksum is left alone', async () => {
  const source = new CountingSource('a', writeSafetensors(TENSORS));
  await verifySeal(source, headerOf(source.bytes));
  expect(source.reads).toBe(0);
});

test('a checksum that stands elsewhere than it is written is none', async () => {
  const file = writeSafetensors(TENSORS, { revela_checksum: 'abc' });
  await expect(verified(file)).rejects.toThrow(/is damaged/);
});
