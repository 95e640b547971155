import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { memorySource, readJson } from '../../../src/files/formats/byteSource.ts';
import { readSavedRun } from '../../../src/files/formats/savedRun.ts';
import { writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { mistakenFor } from '../../../src/files/formats/sniff.ts';
import { readZip } from '../../../src/files/formats/zipReader.ts';
import { openWeights } from '../../../src/files/models/weightFile.ts';
import { folder } from '../helpers.ts';

const text = (content: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(content);
const POINTER = new Uint8Array(
  readFileSync(join(import.meta.dirname, '../models/faults/w16-lfs-pointer/model.safetensors')),
);
const PAGE = text('\n<!-- error -->\n<!DOCTYPE html>\n<html><body>Sign in</body></html>');

const MISTAKEN: [string, Uint8Array, RegExp][] = [
  ['a pointer', POINTER, /is a Git LFS pointer, not the file itself\. Run “git lfs pull”/],
  ['a page', PAGE, /is a web page, not the file.*Download it again/],
  ['a page without a doctype', text('<html lang="en">'), /is a web page/],
  ['an answer of a store', text('<?xml version="1.0"?><Error>AccessDenied</Error>'), /is a web page/],
  ['nothing', new Uint8Array(), /is empty \(0 bytes\)/],
  ['a zip', Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8, 0), /is a zip archive .*save the weights as safetensors/],
  ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3), /is packed with gzip/],
  ['GGUF', text('GGUF\u0003\0\0\0\0\0'), /is a GGUF file/],
  ['a pickle', Uint8Array.of(0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9), /is a pickle of Python/],
];

test.each(MISTAKEN)('%s in the place of weights, JSON, a saved run or an adapter is called what it is', async (_what, bytes, message) => {
  const files = folder({ 'model.safetensors': bytes, 'adapter_model.safetensors': bytes, 'tokenizer.json': bytes });
  const named = (name: string) => new RegExp(`^${name} ${message.source}`);
  await expect(openWeights(files)).rejects.toThrow(named('model.safetensors'));
  await expect(openWeights(files, 'adapter_model')).rejects.toThrow(named('adapter_model.safetensors'));
  await expect(readJson(files, 'tokenizer.json')).rejects.toThrow(named('tokenizer.json'));
  await expect(readSavedRun(memorySource('run.safetensors', bytes))).rejects.toThrow(named('run.safetensors'));
  if (bytes[0] !== 0x50) await expect(readZip(memorySource('a.zip', bytes))).rejects.toThrow(named('a.zip'));
}); // prettier-ignore

test('what is only damaged is not called anything else', async () => {
  expect(mistakenFor(writeSafetensors([]))).toBeUndefined();
  expect(mistakenFor(text('{"a": 1'))).toBeUndefined();
  expect(mistakenFor(text('version https://git-lfs.example/'))).toBeUndefined();
  await expect(readJson(folder({ 'config.json': '{"a": 1' }), 'config.json')).rejects.toThrow(/is not readable JSON/);
  await expect(openWeights(folder({ 'model.safetensors': Uint8Array.of(1, 2, 3) }))).rejects.toThrow(
    /model\.safetensors: This is not a safetensors file/,
  );
  await expect(readZip(memorySource('a.zip', text('hello')))).rejects.toThrow(/a\.zip is no zip file/);
});
