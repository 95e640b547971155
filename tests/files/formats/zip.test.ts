import { Inflate, strToU8, unzipSync, zipSync } from 'fflate';
import { expect, test, vi } from 'vitest';
import { memorySource, ModelFileError } from '../../../src/files/formats/byteSource.ts';
import { concatenated } from '../../../src/files/formats/safetensors.ts';
import { openZip, readZip } from '../../../src/files/formats/zipReader.ts';
import { inFolder, jsonFile, textFile, zipChunks, zipSteps } from '../../../src/files/formats/zipWriter.ts';
import { randomArray, seededRandom } from '../../harness/numerics.ts';
import { CountingSource } from '../mutations.ts';

const weights = new Uint8Array(randomArray(seededRandom(1), 5000).buffer as ArrayBuffer);
const FILES = [
  textFile('README.md', 'Hello. '.repeat(2000)),
  ...inFolder('ü', [jsonFile('config.json', { a: 1 })]),
  { name: 'ü/model.safetensors', chunks: [weights.subarray(0, 7), weights.subarray(7)] },
  { name: 'empty.safetensors', chunks: [] },
  textFile('nothing.txt', ''),
];
const archive = concatenated(zipChunks(FILES, new Date(2024, 1, 29, 12, 30, 44)));

async function content(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  const source = await openZip(bytes).files(name);
  if (!source) throw new Error(`There is no ${name}.`);
  return source.read(0, source.size);
}

test('what is packed here is unpacked by others, and what others pack is unpacked here', async () => {
  const theirs = unzipSync(archive);
  expect(Object.keys(theirs)).toEqual(FILES.map(({ name }) => name));
  for (const { name, chunks } of FILES) {
    expect(theirs[name]).toEqual(concatenated(chunks));
    expect(await content(archive, name)).toEqual(concatenated(chunks));
  }
  const packed = zipSync(
    { a: { 'b.txt': strToU8('x'.repeat(100_000)) }, 'c.bin': [weights, { level: 0 }], '__MACOSX/._c': strToU8('x') },
    { comment: 'a comment at the end', level: 9 },
  );
  expect(openZip(packed).names).toEqual(['a/b.txt', 'c.bin']);
  expect(await content(packed, 'a/b.txt')).toEqual(strToU8('x'.repeat(100_000)));
  expect(await content(packed, 'c.bin')).toEqual(weights);
  expect(await openZip(packed).files('d')).toBeUndefined();
});

test('weights are stored without a copy, texts deflated', () => {
  const chunks = zipChunks(FILES);
  expect(chunks).toContain(FILES[2]!.chunks[1]);
  expect(archive.length).toBeLessThan(weights.length + 2000);
});

test('packing can be followed piece by piece, up to its end', () => {
  const steps = [...zipSteps(FILES, new Date(2024, 1, 29, 12, 30, 44))];
  expect(concatenated(steps.flatMap(({ chunks }) => chunks))).toEqual(archive);
  const shares = steps.map(({ share }) => share);
  expect(shares).toEqual([...shares].sort((one, other) => one - other));
  expect(shares[0]).toBeGreaterThan(0);
  expect(shares[0]).toBeLessThan(1);
  expect(shares.at(-1)).toBe(1);
  expect([...zipSteps([])].map(({ share }) => share)).toEqual([1]);
});

test('a zip file is told by its first bytes; nothing else, and nothing too large, is taken into memory', async () => {
  for (const zip of [archive, zipSync({})]) expect(await readZip(memorySource('a.zip', zip))).toEqual(zip);
  await expect(readZip(memorySource('a.zip', strToU8('{"a":1}')))).rejects.toThrow(
    'a.zip is no zip file. Choose the zip that was exported, or a whole PEFT folder.',
  );
  await expect(readZip(memorySource('a.zip', new Uint8Array()))).rejects.toThrow('a.zip is empty (0 bytes)');
  const source = new CountingSource('a.zip', archive);
  const large = { name: 'a.zip', size: 5e9, read: (begin: number, end: number) => source.read(begin, end) };
  await expect(readZip(large)).rejects.toThrow('a.zip has 5.00 GB; zip files of at most 1.07 GB are read.');
  expect(source.bytesRead).toBe(4);
});

/** The archive with a 2- or 4-byte number changed, `at` bytes after the last place where `signature` stands. */
function patched(bytes: Uint8Array, signature: number, at: number, value: number, width: 2 | 4 = 4): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  for (let i = copy.length - 4; i >= 0; i--)
    if (view.getUint32(i, true) === signature) {
      if (width === 2) view.setUint16(i + at, value, true);
      else view.setUint32(i + at, value, true);
      return copy;
    }
  throw new Error('There is no such record.');
}
const [END, RECORD] = [0x06054b50, 0x02014b50];
const single = zipSync({ 'a.txt': strToU8('abc'.repeat(1000)) });
const stored = zipSync({ 'a.txt': [strToU8('abc'.repeat(1000)), { level: 0 }] });

test.each<[string, Uint8Array, RegExp]>([
  ['nothing', new Uint8Array(), /not a zip file, or it is cut short/],
  ['no zip file', new Uint8Array(1000), /not a zip file, or it is cut short/],
  ['a file cut short', archive.subarray(0, -1), /not a zip file, or it is cut short/],
  ['a file without its beginning', archive.subarray(100), /directory lies beyond|broken|not where its directory/],
  ['a path above the archive', zipSync({ '../evil': strToU8('x') }), /names "\.\.\/evil", which lies outside/],
  ['a path above it from within', zipSync({ 'a/../../evil': strToU8('x') }), /lies outside/],
  ['an absolute path', zipSync({ '/etc/passwd': strToU8('x') }), /lies outside/],
  ['a path of another system', zipSync({ 'C:\\x': strToU8('x') }), /lies outside/],
  ['backslashes', zipSync({ '..\\x': strToU8('x') }), /lies outside/],
  ['a 64-bit zip file', patched(single, END, 10, 0xffff, 2), /64-bit kind/],
  ['more files than are read', patched(single, END, 10, 5000, 2), /holds 5000 files; at most 1000 are read/],
  ['a directory beyond the file', patched(single, END, 16, 0x7fffffff), /directory lies beyond its end/],
  ['a directory that is none', patched(single, END, 16, 0), /its directory is broken/],
  ['a name longer than the directory', patched(single, RECORD, 28, 60000, 2), /its directory is broken/],
  ['a password', patched(single, RECORD, 8, 1, 2), /"a\.txt" in the zip file is encrypted/],
  ['another method', patched(single, RECORD, 10, 12, 2), /"a\.txt" is packed by method 12/],
  ['a size that cannot be', patched(single, RECORD, 24, 0x7fffffff), /"a\.txt" cannot have 2147483647 bytes/],
  ['two sizes of a stored file', patched(stored, RECORD, 24, 5), /"a\.txt" cannot have 5 bytes/],
  ['a larger size', patched(single, RECORD, 24, 3001), /"a\.txt" is shorter than its directory says/],
  ['a smaller size', patched(single, RECORD, 24, 2999), /"a\.txt" is longer than its directory says/],
  ['another checksum', patched(single, RECORD, 16, 1), /the checksum of "a\.txt" is wrong/],
  ['a place that holds no file', patched(single, RECORD, 42, 3), /"a\.txt" is not where its directory says/],
  ['a place beyond the file', patched(single, RECORD, 42, 0x7fffffff), /"a\.txt" is not where its directory says/],
  ['a packed size beyond the file', patched(single, RECORD, 20, 60000), /"a\.txt" is cut short/],
  ['packed bytes cut short', patched(single, RECORD, 20, 5), /"a\.txt" cannot be unpacked|cannot have/],
])('%s is refused', async (_what, bytes, message) => {
  const open = async () => {
    const { names, files } = openZip(bytes);
    for (const name of names) await files(name);
  };
  await expect(open()).rejects.toThrow(ModelFileError);
  await expect(open()).rejects.toThrow(message);
});

test('the same file twice is refused', () => {
  const two = zipSync({ 'a.txt': strToU8('x'), 'b.txt': strToU8('y') });
  // The name in the last record of the directory: "b." becomes "a.".
  const bytes = patched(two, RECORD, 46, 0x2e61, 2);
  expect(() => openZip(bytes)).toThrow('The zip file holds "a.txt" twice.');
});

/** Steps of inflating from here on; the runner puts back what was there before after each test. */
const watchInflating = () => vi.spyOn(Inflate.prototype, 'push');

test('a bomb is refused by what it says, before any of it is unpacked', async () => {
  const pushed = watchInflating();
  const zeros = zipSync({ 'zeros.safetensors': new Uint8Array(20_000_000) }, { level: 9 });
  expect(() => openZip(zeros, { bytes: 1e6 })).toThrow('The zip file unpacks to more than 1.00 MB');
  const together = zipSync({ a: new Uint8Array(600_000), b: new Uint8Array(600_000) });
  expect(() => openZip(together, { bytes: 1e6 })).toThrow('unpacks to more than 1.00 MB');
  const many = zipSync(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`${i}`, strToU8('x')])));
  expect(() => openZip(many, { files: 29 })).toThrow(/30 files; at most 29/);
  // Of what is no weights far less is read: 10 MB of JSON in 10 kB.
  const json = zipSync({ 'gates.json': strToU8(`[${'0,'.repeat(5_000_000)}0]`) }, { level: 9 });
  expect(json.length).toBeLessThan(20_000);
  await expect(openZip(json).files('gates.json')).rejects.toThrow(
    '"gates.json" in the zip file unpacks to 10.0 MB; of files that are no weights at most 8.39 MB are read.',
  );
  await expect(openZip(json).files('gates.json')).rejects.toThrow(ModelFileError);
  expect(pushed).not.toHaveBeenCalled();
});

test.each(['zeros.safetensors', 'zeros.json'])(
  'a bomb that says it is small is refused at the first step beyond that: %s',
  async (name) => {
    const pushed = watchInflating();
    const zeros = zipSync({ [name]: new Uint8Array(20_000_000) }, { level: 9 });
    const lying = patched(zeros, RECORD, 24, 1000);
    await expect(openZip(lying).files(name)).rejects.toThrow(/longer than its directory/);
    expect(pushed).toHaveBeenCalledTimes(1);
    expect(pushed.mock.calls[0]?.[0].length).toBeLessThanOrEqual(2 ** 14);
  },
);

test('the largest text that is read, and weights beyond it', async () => {
  const textBytes = 100_000;
  const limits = { textBytes };
  const packed = zipSync({ 'a.json': new Uint8Array(textBytes), 'b.safetensors': new Uint8Array(textBytes + 1) });
  expect((await openZip(packed, limits).files('a.json'))?.size).toBe(textBytes);
  expect((await openZip(packed, limits).files('b.safetensors'))?.size).toBe(textBytes + 1);
});
