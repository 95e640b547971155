import { expect, test } from 'vitest';
import { blobSource, ModelFileError, readJson, type ByteSource } from '../../../src/files/formats/byteSource.ts';
import { SafetensorsError, writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { openWeights } from '../../../src/files/models/weightFile.ts';
import { fromBf16, fromF16, toBf16, toF16 } from '../../../src/ops/core/halfPrecision.ts';
import { fileWithHeader, folder, storedFile } from '../helpers.ts';

const a = { name: 'a', shape: [2, 3], data: Float32Array.of(1, -2.5, 3, 1e-3, 5, 6) };
const b = { name: 'b', shape: [3], data: Float32Array.of(0.1, 0.2, 70000) };

test('a single file: names, numbers and stretches of bytes', async () => {
  const file = await openWeights(folder({ 'model.safetensors': writeSafetensors([a, b]) }));
  expect(file.names).toEqual(['a', 'b']);
  expect(file.get('a')).toMatchObject({ dtype: 'F32', shape: [2, 3] });
  expect(file.get('c')).toBeUndefined();
  expect(await file.readFloats('a')).toEqual(a.data);
  expect(await file.readFloats('b')).toEqual(b.data);
  const row = await file.readBytes('a', 12, 24);
  expect(new Float32Array(row.slice().buffer)).toEqual(a.data.slice(3));
  await expect(file.readFloats('c')).rejects.toThrow('The checkpoint has no tensor c.');
  await expect(file.readFloats('c')).rejects.toBeInstanceOf(SafetensorsError);
});

test('half-precision numbers are widened exactly; other formats hold no weights', async () => {
  const stored = storedFile([a, b], (name) => (name === 'a' ? 'BF16' : 'F16'));
  const file = await openWeights(folder({ 'model.safetensors': stored }));
  expect(await file.readFloats('a')).toEqual(fromBf16(toBf16(a.data)));
  expect(await file.readFloats('b')).toEqual(fromF16(toF16(b.data)));
  const bytes = fileWithHeader({ ids: { dtype: 'I64', shape: [2], data_offsets: [0, 16] } }, 16);
  const ids = await openWeights(folder({ 'model.safetensors': bytes }));
  await expect(ids.readFloats('ids')).rejects.toThrow(
    'Tensor ids is stored as I64; weights are read from F32, F16 and BF16.',
  );
});

test('shards are found through their index, under any stem', async () => {
  const index = { weight_map: { a: 'adapter-1.safetensors', b: 'adapter-2.safetensors' } };
  const file = await openWeights(
    folder({
      'adapter.safetensors.index.json': index,
      'adapter-1.safetensors': writeSafetensors([a]),
      'adapter-2.safetensors': writeSafetensors([b]),
    }),
    'adapter',
  );
  expect([...file.names].sort()).toEqual(['a', 'b']);
  expect(await file.readFloats('a')).toEqual(a.data);
  expect(await file.readFloats('b')).toEqual(b.data);
});

const INDEX = 'model.safetensors.index.json';
const whole = writeSafetensors([a]);
test.each<[string, Record<string, unknown>, new () => Error, RegExp]>([
  ['an empty folder', {}, ModelFileError, /neither model\.safetensors nor model\.safetensors\.index\.json/],
  [
    'a missing shard',
    { [INDEX]: { weight_map: { a: 'x.safetensors' } } },
    ModelFileError,
    /names "x\.safetensors", which is not there/,
  ],
  [
    'a tensor that no shard holds',
    { [INDEX]: { weight_map: { a: 'x', b: 'x' } }, x: whole },
    SafetensorsError,
    /promises tensor b, but no file holds it/,
  ],
  ['an index without a map', { [INDEX]: {} }, ModelFileError, /has no weight_map/],
  ['an index that is null', { [INDEX]: null }, ModelFileError, /has no weight_map/],
  ['an index that is no JSON', { [INDEX]: '{' }, ModelFileError, /is not readable JSON/],
  ...['../x', '/x', 'sub/x', '..\\x', '..', ''].map(
    (name): [string, Record<string, unknown>, new () => Error, RegExp] => [
      `a shard called ${JSON.stringify(name)}`,
      { [INDEX]: { weight_map: { a: name } } },
      ModelFileError,
      /which is no file of the same folder/,
    ],
  ),
  ['a shard without a name', { [INDEX]: { weight_map: { a: 3 } } }, ModelFileError, /names a file that is no text/],
  [
    'a file cut short',
    { 'model.safetensors': whole.subarray(0, -1) },
    SafetensorsError,
    /^model\.safetensors: .*cut short/,
  ],
  [
    'a damaged shard, by its name',
    { [INDEX]: { weight_map: { a: 'x', b: 'second' } }, x: whole, second: new Uint8Array(3) },
    SafetensorsError,
    /^second: This is not a safetensors file/,
  ],
])('%s is refused', async (_what, files, type, message) => {
  const error = await openWeights(folder(files)).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(type);
  expect((error as Error).message).toMatch(message);
});

test('a file that shrinks while it is read is noticed', async () => {
  const source: ByteSource = {
    name: 'model.safetensors',
    size: whole.length,
    read: (begin, end) => Promise.resolve(whole.subarray(begin, Math.min(end, whole.length - 5))),
  };
  const file = await openWeights((name) => Promise.resolve(name === source.name ? source : undefined));
  await expect(file.readFloats('a')).rejects.toThrow(
    'model.safetensors ended in the middle of tensor a: the file is cut short.',
  );
});

test('files of the browser and JSON files', async () => {
  const source = blobSource('x.bin', new Blob([Uint8Array.of(1, 2, 3, 4, 5)]));
  expect(source).toMatchObject({ name: 'x.bin', size: 5 });
  expect(await source.read(1, 3)).toEqual(Uint8Array.of(2, 3));
  expect(await readJson(folder({ 'a.json': { ü: [1] } }), 'a.json')).toEqual({ ü: [1] });
  await expect(readJson(folder({}), 'a.json')).rejects.toThrow('The folder has no a.json.');
  await expect(readJson(folder({ 'a.json': '[1' }), 'a.json')).rejects.toBeInstanceOf(ModelFileError);
  // Nobody reads a file that cannot be one: not a byte of it was asked for.
  const endless = { name: 'a.json', size: 900_000_000, read: () => Promise.reject(new Error('It was read.')) };
  await expect(readJson(() => Promise.resolve(endless), 'a.json')).rejects.toThrow(
    'a.json has 900 MB; no file of a model that is not weights is longer than 134 MB.',
  );
});
