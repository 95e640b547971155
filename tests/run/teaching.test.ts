import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { memorySource } from '../../src/files/formats/byteSource.ts';
import { concatenated } from '../../src/files/formats/safetensors.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import type { Embedder } from '../../src/retrieval/embedder.ts';
import { openRun, prepareRun, type OpenRun } from '../../src/run/openRun.ts';
import type { PreparedRun } from '../../src/run/recipe.ts';
import { RunLog } from '../../src/run/runLog.ts';
import { readRun, restoreRun, saveRun } from '../../src/run/saving.ts';
import type { TeachingOptions } from '../../src/run/teaching.ts';
import { configure } from '../../src/settings/configuration.ts';
import { saveTraining } from '../../src/training/state.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { TEXT } from '../settings/outcome.ts';
import { pastedText } from '../../src/corpus/given.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const TINY = {
  source: 'text',
  objective: 'distillation',
  teacher: 'encoder',
  chunks: 4,
  chunkTokens: 32,
  vocabulary: 300,
  layers: 1,
  width: 16,
  heads: 2,
  kvHeads: 1,
  mlpWidth: 16,
  heldOutBatches: 1,
};

/** An encoder that counts letters: vectors of length 1 in 26 dimensions, shifted so that two encoders differ. */
function letters(shift = 0): Embedder & { readonly embed: ReturnType<typeof vi.fn<Embedder['embed']>> } {
  const vector = (text: string): number[] => {
    const counts = Array.from({ length: 26 }, () => 0.01);
    for (const letter of text.toLowerCase()) {
      const at = letter.charCodeAt(0) - 97 + shift;
      if (at >= 0 && at < 26) counts[at]!++;
    }
    const length = Math.hypot(...counts);
    return counts.map((count) => count / length);
  };
  const embed: Embedder['embed'] = (_role, texts, { signal, onProgress }) => {
    signal?.throwIfAborted();
    onProgress?.(1);
    return Promise.resolve(Float32Array.from(texts.flatMap(vector)));
  };
  return { dimensions: 26, embed: vi.fn(embed) };
}

function prepare(changes: Record<string, unknown> = {}): Promise<PreparedRun> {
  const recipe = {
    configuration: configure({ ...TINY, ...changes }),
    text: pastedText('A text', TEXT),
    title: undefined,
  };
  return prepareRun(recipe, {
    openBases: () => Promise.reject(new Error('No checkpoint is named.')),
    signal: new AbortController().signal,
  });
}

const open = async (options: TeachingOptions, prepared?: PreparedRun): Promise<OpenRun> =>
  openRun(runtime, prepared ?? (await prepare()), options);

async function trained(run: OpenRun, steps: number): Promise<unknown> {
  const losses: number[] = [];
  for (let n = 0; n < steps; n++) losses.push((await run.experiment.trainer.step()).loss);
  const { tensors } = await saveTraining(runtime, run.experiment.optimiser);
  return { losses, tensors };
}

test('an encoder embeds every chunk once before the first step, however often a run on the text begins', async () => {
  const prepared = await prepare();
  const teacher = letters();
  const onTeacher = vi.fn();
  const first = await open({ teacher, onTeacher }, prepared);
  expect(onTeacher).toHaveBeenCalledWith(1);
  const one = await trained(first, 2);
  first.experiment.destroy();
  const again = await open({ teacher }, prepared);
  expect(await trained(again, 2)).toEqual(one);
  again.experiment.destroy();
  expect(teacher.embed).toHaveBeenCalledTimes(1);
  expect(teacher.embed.mock.calls[0]?.slice(0, 2)).toEqual(['passage', prepared.corpus.chunkTexts]);
  const other = await open({ teacher: letters(3) }, prepared);
  expect(await trained(other, 2)).not.toEqual(one);
  other.experiment.destroy();
});

test('the lists are the encoder’s cosines', async () => {
  const prepared = await prepare();
  const run = await open({ teacher: letters() }, prepared);
  const { chunks } = run.experiment.feed.batchAt(0).source;
  const vectors = await letters().embed(
    'passage',
    chunks.map(({ text }) => text),
    {},
  );
  const cosine = (i: number, j: number) =>
    Array.from({ length: 26 }, (_, d) => vectors[26 * i + d]! * vectors[26 * j + d]!).reduce(
      (sum, one) => sum + one,
      0,
    );
  const found = run.experiment.teacher!.cosines(chunks);
  expect(found).toHaveLength(16);
  found.forEach((one, at) => expect(one).toBeCloseTo(cosine(Math.floor(at / 4), at % 4), 6));
  run.experiment.destroy();
});

test('a saved run goes on to the bit without the encoder', async () => {
  const whole = await open({ teacher: letters() });
  const expected = await trained(whole, 2);
  const log = new RunLog({ mostSteps: Infinity, keepsPicture: () => true });
  const { recipe, corpus } = whole.prepared;
  const record = log.record({
    name: 'A run',
    configuration: recipe.configuration,
    corpus: corpus.summary,
    adapter: 'test',
  });
  const file = concatenated(await saveRun(whole, record));
  const later = await trained(whole, 2);
  whole.experiment.destroy();
  const saved = await readRun(memorySource('run', file));
  expect([...saved.state.tensors.keys()].filter((name) => name.startsWith('teacher'))).toEqual([]);
  const { teacherVectors } = saved;
  const resumed = await open({ teacherVectors });
  await restoreRun(saved, resumed);
  expect(await trained(resumed, 2)).toEqual(later);
  expect(expected).not.toEqual(later);
  resumed.experiment.destroy();
  await expect(open({ teacherVectors: teacherVectors!.slice(1) })).rejects.toThrow('does not fit this text');
});

test('without an encoder it is said what to give, and nothing stays allocated', async () => {
  const before = runtime.pool.report().liveBuffers;
  await expect(open({})).rejects.toMatchObject({
    setting: 'teacher',
    message: expect.stringMatching(/none is at hand.*--encoder DIR.*BM25/) as unknown,
  });
  expect(runtime.pool.report().liveBuffers).toBe(before);
  const bm25 = await open({}, await prepare({ teacher: 'bm25' }));
  expect(bm25.experiment.teacher).toBeUndefined();
  bm25.experiment.destroy();
});

test('facts never end: no encoder can teach them', () => {
  expect(() => configure({ ...TINY, source: 'facts' })).toThrow('The facts never end');
});
