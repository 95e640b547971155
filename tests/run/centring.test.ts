import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { pastedText } from '../../src/corpus/given.ts';
import { memorySource } from '../../src/files/formats/byteSource.ts';
import { concatenated } from '../../src/files/formats/safetensors.ts';
import { embedTexts } from '../../src/run/embedding.ts';
import { pooledStates } from '../../src/models/pooledStates.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openExperiment } from '../../src/run/assemble.ts';
import { centringSample, measureCentre } from '../../src/run/centring.ts';
import { setUpCorpus, type CorpusSetup } from '../../src/run/corpusSetup.ts';
import type { OpenRun } from '../../src/run/openRun.ts';
import { readRun, restoreRun, saveRun } from '../../src/run/saving.ts';
import { RunLog } from '../../src/run/runLog.ts';
import { importAdapters } from '../../src/run/adapterImport.ts';
import { runArchive } from '../../src/run/takeHome.ts';
import { configure, type Configuration } from '../../src/settings/configuration.ts';
import { folder } from '../files/helpers.ts';
import { EPS_F32, expectClose } from '../harness/numerics.ts';
import { openTestRuntime } from '../harness/runtime.ts';

const CONFIGURATION = configure({
  layers: 2,
  retrieverDepth: 1,
  width: 16,
  heads: 2,
  kvHeads: 1,
  mlpWidth: 16,
  chunks: 4,
  chunkTokens: 24,
  heldOutBatches: 1,
  learningRate: 0.01,
  warmup: 0,
  pooling: 'content',
  centring: true,
  firstHalf: true,
});

let runtime: Runtime;
let corpus: CorpusSetup;
beforeAll(async () => {
  runtime = await openTestRuntime();
  corpus = await setUpCorpus(CONFIGURATION);
});
afterAll(() => runtime.destroy());

async function open(
  configuration: Configuration,
  options: Parameters<typeof openExperiment>[4] = {},
): Promise<OpenRun> {
  const experiment = await openExperiment(runtime, configuration, corpus, undefined, options);
  return {
    runtime,
    experiment,
    prepared: { recipe: { configuration, text: undefined, title: undefined }, corpus, bases: undefined },
  };
}

const recordOf = ({
  prepared: {
    recipe,
    corpus: { summary },
  },
}: OpenRun) =>
  new RunLog({ mostSteps: 1, keepsPicture: () => false }).record({
    name: 'a run',
    configuration: recipe.configuration,
    corpus: summary,
    adapter: '',
  });

test('of a short text every chunk is read once, however often its batches hold it', async () => {
  const configuration = configure({ ...CONFIGURATION, source: 'text', documentUnit: 'paragraph', chunkFit: 'fixed' });
  const text = Array.from({ length: 80 }, (_, i) => `Word${i} comes first here.${i % 8 === 7 ? '\n\n' : ' '}`).join('');
  const short = await setUpCorpus(configuration, { text: pastedText('Words', text) });
  const sample = centringSample(short, configuration);
  const rows = sample.flatMap(({ passageIds }) => passageIds.map(String));
  expect(new Set(rows).size).toBe(rows.length);
  expect(rows.length).toBeLessThan(80);
  expect(sample.every(({ queryIds }) => queryIds.length > 0)).toBe(true);
});

test('a centre is the mean of the pooled states of the first batches, of queries and of passages', async () => {
  const { experiment } = await open(CONFIGURATION);
  const { retriever, centre } = experiment.models;
  const sample = centringSample(corpus, CONFIGURATION);
  // 80 chunks, four to a batch.
  expect(sample).toHaveLength(20);
  const width = retriever.config.hiddenSize;
  const sums = [new Float64Array(width), new Float64Array(width)];
  for (const { queryIds, passageIds, queryContent, passageContent } of sample)
    for (const [side, marked] of [
      { ids: queryIds, content: queryContent },
      { ids: passageIds, content: passageContent },
    ].entries()) {
      let states: Promise<Float32Array> | undefined;
      runtime.scope(() => {
        states = runtime.read(pooledStates(runtime, retriever, marked, { pooling: 'content' }));
      });
      await runtime.recorder.flush();
      (await states!).forEach((value, at) => (sums[side]![at % width]! += value / 80));
    }
  const found = await centre!.read();
  expectClose('centre', found, [...sums[0]!, ...sums[1]!], { abs: 10 * EPS_F32 });
  expect(Math.max(...found.map(Math.abs))).toBeGreaterThan(0.01);
  // Queries are halves: the two sides have means of their own.
  expect(found.slice(0, width)).not.toEqual(found.slice(width));
  experiment.destroy();
});

test('similarities of centred states spread about 0', async () => {
  const offDiagonal = async (centring: boolean): Promise<number> => {
    const { experiment } = await open(configure({ centring }, CONFIGURATION));
    const [batch] = (await experiment.trainer.evaluate()).batches;
    experiment.destroy();
    const all = [...batch!.matrices['similarity']!].filter((_, i) => i % 5 !== 0);
    return all.reduce((sum, value) => sum + value, 0) / all.length;
  };
  const [plain, centred] = [await offDiagonal(false), await offDiagonal(true)];
  expect(Math.abs(centred)).toBeLessThan(Math.abs(plain) / 2);
});

test.each(['revela', 'infoNce'] as const)('a run that goes on keeps its centre, to the bit: %s', async (objective) => {
  const configuration = configure({ objective }, CONFIGURATION);
  const first = await open(configuration);
  await first.experiment.trainer.step();
  const saved = await readRun(memorySource('run', concatenated(await saveRun(first, recordOf(first)))));
  const expected = await first.experiment.trainer.step();
  const centre = await first.experiment.models.centre!.read();
  expect(saved.centre).toEqual(centre);
  const measured = vi.fn();
  const again = await open(configuration, { centre: saved.centre, onCentring: measured });
  await restoreRun(saved, again);
  expect(measured).not.toHaveBeenCalled();
  expect(await again.experiment.models.centre!.read()).toEqual(centre);
  const found = await again.experiment.trainer.step();
  expect([found.loss, found.gradientNorm, found.matrices]).toEqual([
    expected.loss,
    expected.gradientNorm,
    expected.matrices,
  ]);
  for (const { experiment } of [first, again]) experiment.destroy();
});

test('a centre of another model is refused, and one that the file lacks is measured', async () => {
  const run = await open(CONFIGURATION);
  const saved = await readRun(memorySource('run', concatenated(await saveRun(run, recordOf(run)))));
  const centre = await run.experiment.models.centre!.read();
  await expect(restoreRun({ ...saved, centre: centre.slice(2) }, run)).rejects.toThrow(
    'its centre has 30 numbers and should have 32',
  );
  run.experiment.destroy();
  const measured = vi.fn();
  const again = await open(CONFIGURATION, { onCentring: measured });
  await restoreRun({ ...saved, centre: undefined }, again);
  expect(measured).toHaveBeenLastCalledWith(1);
  expect(await again.experiment.models.centre!.read()).toEqual(centre);
  again.experiment.destroy();
  // A run without centring has no room for one, and its file none.
  const plain = await open(configure({ centring: false }, CONFIGURATION));
  expect(plain.experiment.models.centre).toBeUndefined();
  expect(
    (await readRun(memorySource('run', concatenated(await saveRun(plain, recordOf(plain)))))).centre,
  ).toBeUndefined();
  plain.experiment.destroy();
});

test('measuring stops when it is told to and leaves nothing behind', async () => {
  const before = runtime.pool.report().liveBuffers;
  const stop = new AbortController();
  const opening = open(CONFIGURATION, { signal: stop.signal, onCentring: (done) => done > 0.2 && stop.abort() });
  await expect(opening).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  expect(runtime.pool.report().liveBuffers).toBe(before);
});

test('search embeds as training compares: each side less its centre', async () => {
  const { experiment } = await open(CONFIGURATION);
  const { retriever, centre } = experiment.models;
  const options = { pooling: 'content', maxTokens: 24 } as const;
  const [sample] = centringSample(corpus, { ...CONFIGURATION, firstHalf: false });
  const texts = corpus.batches.batchAt(0).chunks.map(({ text }) => text);
  const centres = await centre!.read();
  for (const [side, role] of (['query', 'passage'] as const).entries()) {
    const ids = role === 'query' ? sample!.queryIds : sample!.passageIds;
    const content = role === 'query' ? sample!.queryContent : sample!.passageContent;
    let states: Promise<Float32Array> | undefined;
    runtime.scope(() => {
      states = runtime.read(pooledStates(runtime, retriever, { ids, content }, options));
    });
    await runtime.recorder.flush();
    const pooled = await states!;
    const expected = texts.flatMap((_, row) => {
      const less = Array.from({ length: 16 }, (__, c) => pooled[16 * row + c]! - centres[16 * side + c]!);
      return less.map((value) => value / Math.hypot(...less));
    });
    const found = await embedTexts(runtime, retriever, corpus.retrieverTokenizer, texts, { ...options, role, centre });
    expectClose(role, found, expected, { abs: 100 * EPS_F32 });
  }
  experiment.destroy();
});

test('another centre than the first weights give is measured only by who asks for it', async () => {
  const { experiment } = await open(CONFIGURATION);
  const { retriever, centre } = experiment.models;
  const before = await centre!.read();
  await experiment.trainer.step();
  expect(await centre!.read()).toEqual(before);
  await measureCentre(runtime, retriever, centre!, centringSample(corpus, CONFIGURATION), 'content');
  expect(await centre!.read()).not.toEqual(before);
  experiment.destroy();
});

test('a centre goes with the adapters of its retriever', async () => {
  const adapters = configure({ trained: 'lora', rank: 2 }, CONFIGURATION);
  const first = await open(adapters);
  await first.experiment.trainer.step();
  const files = await runArchive(first);
  const archive = folder(Object.fromEntries(files.map(({ name, chunks }) => [name, concatenated(chunks)])));
  const centre = await first.experiment.models.centre!.read();
  // Another seed, and so other weights and another mean.
  const second = await open(configure({ seed: 5 }, adapters));
  expect(await second.experiment.models.centre!.read()).not.toEqual(centre);
  expect(await importAdapters(second, { content: archive })).toContain('took the place of this text’s');
  expect(await second.experiment.models.centre!.read()).toEqual(centre);
  const plain = await open(configure({ centring: false }, adapters));
  expect(await importAdapters(plain, { content: archive })).toContain('“Centring”, which is off in this run');
  const uncentred = await runArchive(plain);
  expect(uncentred.map(({ name }) => name)).not.toContain('retriever/centre.safetensors');
  const without = folder(Object.fromEntries(uncentred.map(({ name, chunks }) => [name, concatenated(chunks)])));
  expect(await importAdapters(first, { content: without })).toContain('trained without “Centring”');
  expect(await first.experiment.models.centre!.read()).toEqual(centre);
  for (const { experiment } of [first, second, plain]) experiment.destroy();
});
