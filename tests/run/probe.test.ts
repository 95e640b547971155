import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openRun, prepareRun, type OpenRun } from '../../src/run/openRun.ts';
import { Prober } from '../../src/run/probe.ts';
import {
  metricOf,
  matrixOf,
  probePicture,
  tokenRowsOf,
  type ProbeRecord,
  type RunRecord,
} from '../../src/run/record.ts';
import { RunLog } from '../../src/run/runLog.ts';
import { recordText } from '../../src/run/recordText.ts';
import { configure } from '../../src/settings/configuration.ts';
import { expectClose } from '../harness/numerics.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** Small models on whole batches of the preset. */
const SMALL = { layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, heldOutBatches: 1 };

async function open(changes: Record<string, unknown> = {}): Promise<OpenRun> {
  const recipe = { configuration: configure({ ...SMALL, ...changes }), text: undefined, title: undefined };
  const prepared = await prepareRun(recipe, {
    openBases: () => Promise.reject(new Error('No checkpoint is named.')),
    signal: new AbortController().signal,
  });
  return openRun(runtime, prepared, {});
}

describe('the probe of the facts', () => {
  let run: OpenRun;
  beforeAll(async () => {
    run = await open();
  });
  afterAll(() => run.experiment.destroy());

  test('is held out, and each of its chunks has a partner and another that is told in the same wording', async () => {
    const { of, batch } = await new Prober(run).look();
    expect(of).toBe('heldOut');
    const { chunks } = batch;
    expect(chunks).toHaveLength(8);
    for (const [i, one] of chunks.entries()) {
      const others = chunks.filter((_, j) => j !== i);
      const partners = others.filter(({ document }) => document === one.document);
      const worded = others.filter(({ wording }) => wording === one.wording);
      expect([partners.length, worded.length]).toEqual([1, 1]);
      expect(partners[0]).not.toBe(worded[0]);
      // A wording is what is left of a sentence without the fact.
      const words = (text: string): string[] => text.split(' ');
      const shared = words(one.text).filter((word, at) => words(worded[0]!.text)[at] === word);
      expect(shared.length).toBeGreaterThanOrEqual(7);
    }
  });

  test('is the batch that an evaluation scores, seen with what teaches the retriever', async () => {
    const { experiment, prepared } = run;
    const [scored] = (await experiment.trainer.evaluate()).batches;
    const { batch, record } = await new Prober(run).look();
    const picture = probePicture({ batch }, record);
    expect(batch.chunks.map(({ text }) => text)).toEqual(scored!.batch.source.chunks.map(({ text }) => text));
    for (const key of ['ntpLoss', 'isolatedLoss', 'recallAt1', 'effectiveDocuments'])
      expect(metricOf(record.metrics, key)).toBe(scored!.metrics[key]);
    for (const key of ['attention', 'similarity'])
      expect(matrixOf(picture, key)).toEqual(Array.from(scored!.matrices[key]!));
    expect(tokenRowsOf(picture, 'tokenLoss').map(({ length }) => length)).toEqual(batch.chunks.map(() => 11));
    const [A, g, ofS] = ['attention', 'attentionGradient', 'similarityGradient'].map((key) => matrixOf(picture, key));
    const { temperature } = prepared.recipe.configuration;
    const expected = A!.map((weight, at) => {
      const row = 8 * Math.floor(at / 8);
      const average = A!.slice(row, row + 8).reduce((sum, other, k) => sum + other * g![row + k]!, 0);
      return (weight * (g![at]! - average)) / temperature;
    });
    expectClose('∂L/∂S', ofS!, expected, { abs: 1e-8, rel: 1e-4 });
    expect(Math.max(...ofS!)).toBeGreaterThan(1e-5);
  });
});

test.each([
  [{ attention: 'uniform' }, ['attention', 'attentionGradient', 'similarity']],
  [{ objective: 'infoNce' }, ['attention', 'similarity', 'similarityGradient']],
  [{ freezeRetriever: true }, ['attention', 'attentionGradient', 'similarity', 'similarityGradient']],
])('with %o it has %j', async (changes, matrices) => {
  const run = await open(changes);
  const { record } = await new Prober(run).look();
  const rows = ['tokenLoss', 'isolatedTokenLoss', 'metrics'];
  expect(
    Object.keys(record)
      .filter((key) => !rows.includes(key))
      .sort(),
  ).toEqual(matrices);
  run.experiment.destroy();
});

const seen = (step: number, numbers = 8): ProbeRecord => ({
  metrics: { step, ntpLoss: 1 / (1 + step) },
  attention: Array.from({ length: numbers }, () => 0),
});
const BATCH = { chunks: [{ text: 'one', document: 0, documentTitle: '', tokens: ['one'] }] };
const newLog = () => new RunLog({ mostSteps: Infinity, keepsPicture: () => false });
const recorded = (log: RunLog): RunRecord => log.record({} as Parameters<RunLog['record']>[0]);
const steps = ({ probe }: RunRecord): number[] => probe!.records.map(({ metrics }) => metrics.step);

test('a long run keeps the probe of all looks at first, then ever fewer, and always the last', () => {
  const log = newLog();
  const kept = (until: number, from: number, numbers?: number) => {
    for (let step = from; step <= until; step += 4)
      log.addProbe({ of: 'heldOut', batch: BATCH, record: seen(step, numbers) });
    return steps(recorded(log));
  };
  const early = Array.from({ length: 51 }, (_, i) => 4 * i);
  expect(kept(200, 0)).toEqual(early);
  const long = kept(4000, 204);
  expect(long.slice(0, 51)).toEqual(early);
  expect(long.at(-1)).toBe(4000);
  expect(kept(4004, 4004).at(-1)).toBe(4004);
  const gaps = long.slice(51, -1).map((step, i) => (step - long[50 + i]!) / step);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1 / 50);
  expect(Math.max(...gaps)).toBeLessThan(1 / 20);
  log.clear();
  expect(recorded(log).probe).toBeUndefined();
  // Of a batch a hundred times as large fewer are kept.
  expect(kept(4000, 0, 20_000).length).toBeLessThan(long.length / 2);
});

test('a run that goes on keeps its probe, unless it is of another batch now', () => {
  const first = newLog();
  for (const step of [0, 4, 8]) first.addProbe({ of: 'heldOut', batch: BATCH, record: seen(step) });
  const record = JSON.parse(JSON.stringify(recorded(first))) as RunRecord;
  const goOn = (batch: typeof BATCH) => {
    const log = newLog();
    log.restore({ ...record, metrics: [], evaluations: [], snapshots: [] });
    log.addProbe({ of: 'heldOut', batch, record: seen(12) });
    return steps(recorded(log));
  };
  expect(goOn(structuredClone(BATCH))).toEqual([0, 4, 8, 12]);
  expect(goOn({ chunks: BATCH.chunks.map((chunk) => ({ ...chunk, text: 'another' })) })).toEqual([12]);
  // A record of an earlier version has none.
  const log = newLog();
  log.restore({ ...record, probe: undefined, metrics: [], evaluations: [], snapshots: [] });
  expect(recorded(log).probe).toBeUndefined();
});

test('where a saved run has no room, its probe loses every other record, the last one last', () => {
  const log = newLog();
  for (let step = 0; step <= 32; step += 4) log.addProbe({ of: 'heldOut', batch: BATCH, record: seen(step, 500) });
  const told = (bytes: number) => JSON.parse(recordText(recorded(log), bytes) ?? '') as RunRecord;
  expect(steps(told(20_000))).toHaveLength(9);
  expect(steps(told(7000))).toEqual([0, 8, 16, 24, 32]);
  expect(steps(told(2000))).toEqual([32]);
  expect(told(500).probe).toBeUndefined();
});
