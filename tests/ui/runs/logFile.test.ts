import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { PathFile } from '../../../src/ui/components/droppedFiles.ts';
import { takeDropped } from '../../../src/ui/panels/runs/records/dropped.ts';
import { isLogFile } from '../../../src/ui/panels/runs/records/logFile.ts';
import { RunFileError } from '../../../src/ui/panels/runs/records/problems.ts';
import { readRun } from '../../../src/ui/panels/runs/records/runFile.ts';
import { HANDED_BACK, STEPS } from '../../run/handedBack.ts';

/** As the runner wrote it (handover/tests/round_trip.py --keep). */
const LOG = await readFile(join(import.meta.dirname, '../../run/handed-back/log.jsonl'), 'utf8');

test('the log of a run that was handed over is a run: its steps, pictures, and scores on the held-out text', () => {
  const run = readRun(LOG, 'log.jsonl');
  expect(run.configuration).toMatchObject(HANDED_BACK);
  expect(run.name).toContain('handed over');
  const { first, more } = STEPS;
  expect(run.metrics.map(({ step }) => step)).toEqual(Array.from({ length: more }, (_, i) => first + 1 + i));
  for (const { loss, ntpLoss, gradientNorm, retrieverGradientNorm, stepMs } of run.metrics)
    expect([loss, ntpLoss, gradientNorm, retrieverGradientNorm, stepMs].every(Number.isFinite)).toBe(true);
  const [picture] = run.snapshots;
  expect(picture?.metrics.step).toBe(first + 1);
  expect(picture?.['attention']).toHaveLength(HANDED_BACK.chunks ** 2);
  expect(picture?.batch.chunks.map(({ tokens }) => tokens.length > 0)).toEqual([true, true, true, true]);
  expect(run.collection?.scores.map(({ step }) => step)).toEqual([first, first + more]);
});

test('a log that is still written, or broke off, is read up to its last whole line', () => {
  const cut = LOG.slice(0, LOG.trimEnd().lastIndexOf('\n') + 40);
  expect(readRun(cut, 'log.jsonl').metrics).toHaveLength(STEPS.more);
  const [head = '', ...lines] = LOG.split('\n');
  expect(() => readRun([head, '{"step": ', ...lines].join('\n'), 'log.jsonl')).toThrow(/line 2 is no JSON/);
  expect(() => readRun(head, 'log.jsonl'), 'no step yet').toThrow(RunFileError);
});

test('a log without the norms of single models, as DeepSpeed leaves it, is read', () => {
  const log = LOG.replace(/"(retriever|languageModel)GradientNorm": [^,]+, /g, '');
  expect(log.length).toBeLessThan(LOG.length);
  const { metrics } = readRun(log, 'log.jsonl');
  expect(metrics).toHaveLength(STEPS.more);
  expect(metrics[0]?.retrieverGradientNorm).toBeNaN();
});

test('among dropped files it is told from texts of the same kind', async () => {
  const file = (path: string, text: string): PathFile => ({ path, blob: new File([text], path) });
  const [log, texts] = [file('log.jsonl', LOG), file('texts.jsonl', '{"text": "Gulls nest on cliffs."}\n')];
  expect([await isLogFile(log.blob), await isLogFile(texts.blob)]).toEqual([true, false]);
  const importFiles = vi.fn(() => Promise.resolve());
  const take = vi.fn(() => Promise.resolve());
  const takers = { runs: { importFiles }, texts: { take }, panels: { show: vi.fn() } };
  await takeDropped([log, texts], takers as unknown as Parameters<typeof takeDropped>[1]);
  expect(importFiles).toHaveBeenCalledWith([log.blob]);
  expect(take).toHaveBeenCalledWith([texts]);
});
