import { expect, test } from 'vitest';
import { readSources, type SourceFile } from '../../../src/corpus/sources/readers/readers.ts';

const source = (name: string, bytes: Uint8Array): SourceFile => ({
  name,
  size: bytes.length,
  bytes: () => Promise.resolve(bytes),
});
const text = (name: string): SourceFile => source(name, new TextEncoder().encode(`The text of ${name}.`));
const noise = (name: string): SourceFile =>
  source(
    name,
    Uint8Array.from({ length: 900 }, (_, i) => (i * 151) % 256),
  );

test('of several files those that cannot be read are named, and the others are taken', async () => {
  const { files } = await readSources([text('a.txt'), noise('b.txt'), text('c.md')]);
  expect(files.map(({ name }) => name)).toEqual(['a.txt', 'c.md']);
  expect(files[0]?.notes).toEqual([expect.stringMatching(/^Left out: b\.txt is not plain text/)]);
});

test('of many only the first are told by name', async () => {
  const bad = ['b', 'c', 'd', 'e', 'f'].map((name) => noise(`${name}.txt`));
  const { files } = await readSources([text('a.txt'), ...bad]);
  expect(files[0]?.notes).toHaveLength(4);
  expect(files[0]?.notes?.at(-1)).toBe('Left out: 2 more that could not be read.');
});

test('one that cannot be read, or nothing but such, is refused', async () => {
  await expect(readSources([noise('b.txt')])).rejects.toThrow(/b\.txt is not plain text/);
  await expect(readSources([noise('b.txt'), noise('c.txt')])).rejects.toThrow(/b\.txt is not plain text/);
});
