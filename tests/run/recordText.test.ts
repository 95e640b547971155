import { expect, test } from 'vitest';
import { readSavedRun, writeSavedRun } from '../../src/files/formats/savedRun.ts';
import { memorySource } from '../../src/files/formats/byteSource.ts';
import type { RunRecord } from '../../src/run/record.ts';
import { MOST_RECORD_BYTES, recordText } from '../../src/run/recordText.ts';

/** A record with pictures of steps 1 to 9, each with a text. */
function record(text: string): RunRecord {
  return {
    version: 1,
    metrics: [{ step: 1 }, { step: 9 }],
    snapshots: Array.from({ length: 9 }, (_, i) => ({ metrics: { step: i + 1 }, text })),
    evaluations: [],
  } as unknown as RunRecord;
}

function steps(text: string | undefined): unknown {
  return (JSON.parse(text ?? '') as RunRecord).snapshots.map(({ metrics }) => metrics.step);
}

test('what fits is kept as it is', () => {
  const whole = record('"é"');
  expect(recordText(whole)).toBe(JSON.stringify(whole));
});

test('what does not fit loses every other picture, the last one last, and keeps its curves', () => {
  const whole = record('x'.repeat(1000));
  expect(steps(recordText(whole, 6000))).toEqual([1, 3, 5, 7, 9]);
  expect(steps(recordText(whole, 2000))).toEqual([9]);
  const bare = recordText(whole, 500);
  expect(steps(bare)).toEqual([]);
  expect((JSON.parse(bare ?? '') as RunRecord).metrics).toHaveLength(2);
  expect(recordText(whole, 50)).toBeUndefined();
});

test('counted is what the text takes within a file: quotes and letters of several bytes', () => {
  const [plain, quoted] = [record('x'.repeat(1000)), record('"'.repeat(1000))];
  expect(steps(recordText(plain, 10_000))).toHaveLength(9);
  expect(steps(recordText(quoted, 10_000))).toHaveLength(2);
  expect(steps(recordText(record('é'.repeat(1000)), 10_000))).toHaveLength(3);
});

test('a saved run whose pictures are larger than a header can be read again', async () => {
  const text = recordText(record('x'.repeat(2 ** 24)));
  expect(text?.length).toBeGreaterThan(MOST_RECORD_BYTES / 2);
  const chunks = await writeSavedRun({ step: 9, tensors: new Map() }, { record: text ?? '' });
  const { metadata } = await readSavedRun(memorySource('run', new Uint8Array(await new Blob(chunks).arrayBuffer())));
  expect(metadata['record']).toBe(text);
});
