import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadProse } from '../../src/corpus/sources/prose.ts';
import { openCollection } from '../../src/cli/support/evaluation/collectionSource.ts';
import { openAdapters } from '../../src/cli/support/save.ts';
import { measure } from '../../src/evaluation/measures/measures.ts';
import { scoresOf } from '../../src/evaluation/measures/scores.ts';
import { CollectionVectors, denseSystem } from '../../src/evaluation/systems/dense.ts';
import { openPretrained } from '../../src/run/pretrained.ts';
import { importAdapters } from '../../src/run/adapterImport.ts';
import { runEmbedder } from '../../src/run/collectionScores.ts';
import { openRun, prepareRun, type OpenRun } from '../../src/run/openRun.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { configure } from '../../src/settings/configuration.ts';
import { preset } from '../../src/settings/presets.ts';
import { tinyCheckpoint } from '../harness/tinyCheckpoint.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { HANDED_BACK, STEPS } from './handedBack.ts';

/** What the runner made of the run (handover/tests/round_trip.py --keep): adapters, its log, its rankings of the held-out text. */
const BACK = join(import.meta.dirname, 'handed-back');
const signal = new AbortController().signal;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** A run on the same tiny checkpoint, at its beginning. */
async function begun(): Promise<OpenRun> {
  // What the command line begins with on a checkpoint.
  const { configuration: usual } = preset('gentle');
  const configuration = configure({ ...HANDED_BACK, base: 'checkpoint', checkpoint: 'checkpoint' }, usual);
  const texts = (await loadProse(HANDED_BACK.source)).flatMap(({ paragraphs }) => paragraphs);
  const files = await tinyCheckpoint(texts);
  const base = await openPretrained('checkpoint', (name) => {
    const bytes = files[name];
    if (!bytes) return Promise.resolve(undefined);
    const read = (begin: number, end: number) => Promise.resolve(bytes.slice(begin, end));
    return Promise.resolve({ name, size: bytes.length, read });
  });
  const prepared = await prepareRun(
    { configuration, text: undefined, title: undefined },
    { openBases: () => Promise.resolve({ languageModel: base, retriever: base }), signal },
  );
  return openRun(runtime, prepared, { signal });
}

/** Places of each ranking that the runner kept. */
const BEST = 5;
/** As deep as any measure looks. */
const DEPTH = 1000;

/** The best documents of each query, and what all of them are worth by the measures that the runner takes. */
async function evaluated(run: OpenRun, measures: readonly string[] = []) {
  const collection = await openCollection({ collection: join(BACK, 'heldout') }, signal);
  const embedder = runEmbedder(run, { maxTokens: HANDED_BACK.chunkTokens });
  const vectors = new CollectionVectors(collection, embedder, 'the retriever');
  const found = await denseSystem('trained', vectors).rank({ depth: DEPTH, signal });
  const best = [...found].map(([query, documents]) => [query, documents.slice(0, BEST).map(({ id }) => id)] as const);
  return {
    best: Object.fromEntries(best),
    means: Object.fromEntries(scoresOf(found, collection.qrels, measures.map(measure), 'trec-c').means),
  };
}

/** What ir_measures made of the runner's last rankings, by our names. */
async function scoresThere(): Promise<Record<string, number>> {
  const lines = (await readFile(join(BACK, 'log.jsonl'), 'utf8')).trimEnd().split('\n');
  const scores = lines.flatMap((line) => {
    const { scores: one } = JSON.parse(line) as { scores?: { step: number; means: Record<string, number> } };
    return one ? [one] : [];
  });
  const last = scores.find(({ step }) => step === STEPS.first + STEPS.more);
  if (!last) throw new Error('The log has no scores of the last step.');
  return last.means;
}

test('adapters that come back rank as the run does that went on here, and as they did there, with the measures of ir_measures', async () => {
  const [here, back] = [await begun(), await begun()];
  for (let i = 0; i < STEPS.first + STEPS.more; i++) await here.experiment.trainer.step();
  const before = await evaluated(back);
  const said = await importAdapters(back, await openAdapters(join(BACK, 'last')));
  expect(said).toContain('Adapters of the retriever and the language model are loaded.');
  const told = await scoresThere();
  const [ours, theirs] = [await evaluated(here), await evaluated(back, Object.keys(told))];
  expect(theirs.best).toEqual(ours.best);
  expect(theirs.best).not.toEqual(before.best);
  const there: Record<string, string[]> = {};
  for (const line of (await readFile(join(BACK, 'rankings.trec'), 'utf8')).trimEnd().split('\n')) {
    const [query = '', , document = '', rank] = line.split(' ');
    if (Number(rank) <= BEST) (there[query] ??= []).push(document);
  }
  expect(theirs.best).toEqual(there);
  expect(Object.keys(told)).toEqual(['ndcg@10', 'mrr@10', 'recall@10', 'recall@100', 'map']);
  for (const [name, value] of Object.entries(told)) expect(theirs.means[name], name).toBeCloseTo(value, 12);
  here.experiment.destroy();
  back.experiment.destroy();
});
