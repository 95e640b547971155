import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadProse } from '../../src/corpus/sources/prose.ts';
import { openCollection } from '../../src/cli/support/evaluation/collectionSource.ts';
import { openAdapters } from '../../src/cli/support/save.ts';
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

async function rankings(run: OpenRun): Promise<Record<string, readonly string[]>> {
  const collection = await openCollection({ collection: join(BACK, 'heldout') }, signal);
  const embedder = runEmbedder(run, { maxTokens: HANDED_BACK.chunkTokens });
  const vectors = new CollectionVectors(collection, embedder, 'the retriever');
  const found = await denseSystem('trained', vectors).rank({ depth: 5, signal });
  return Object.fromEntries([...found].map(([query, documents]) => [query, documents.map(({ id }) => id)]));
}

test('adapters that come back rank as the run does that went on here, and as they did there', async () => {
  const [here, back] = [await begun(), await begun()];
  for (let i = 0; i < STEPS.first + STEPS.more; i++) await here.experiment.trainer.step();
  const before = await rankings(back);
  const said = await importAdapters(back, await openAdapters(join(BACK, 'last')));
  expect(said).toContain('Adapters of the retriever and the language model are loaded.');
  const [ours, theirs] = [await rankings(here), await rankings(back)];
  expect(theirs).toEqual(ours);
  expect(theirs).not.toEqual(before);
  const there: Record<string, string[]> = {};
  for (const line of (await readFile(join(BACK, 'rankings.trec'), 'utf8')).trimEnd().split('\n')) {
    const [query = '', , document = '', rank] = line.split(' ');
    if (Number(rank) <= 5) (there[query] ??= []).push(document);
  }
  expect(theirs).toEqual(there);
  here.experiment.destroy();
  back.experiment.destroy();
});
