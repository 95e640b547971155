import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { factCollection } from '../../src/evaluation/collections/facts.ts';
import { FactStream } from '../../src/corpus/sources/factStream.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { comparisonSvg } from '../../src/run/comparison/chart.ts';
import { contendersOf, readComparison, type ComparisonDefinition } from '../../src/run/comparison/definition.ts';
import { comparisonJson, curvesTsv } from '../../src/run/comparison/report.ts';
import { runComparison, type ComparisonEvent, type ComparisonHost } from '../../src/run/comparison/runComparison.ts';
import {
  memoryComparisonStore,
  type ComparisonState,
  type ComparisonStore,
  type CurvePoint,
  type TrialResult,
} from '../../src/run/comparison/state.ts';
import { comparedTable, meanCurves } from '../../src/run/comparison/summary.ts';
import { nextTrial, rateChoice } from '../../src/run/comparison/trials.ts';
import { configure } from '../../src/settings/configuration.ts';
import { pastedText } from '../../src/corpus/given.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { TEXT } from '../settings/outcome.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const BASE = configure({});
const TINY = { chunks: 4, layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, heldOutBatches: 1, warmup: 1 };
const FILE = {
  title: 'Tiny',
  settings: TINY,
  variants: [{ name: 'Revela' }, { name: 'InfoNCE', settings: { objective: 'infoNce' } }],
  seeds: [1, 2, 3],
  budget: { steps: 4 },
  looks: 2,
  collection: 'facts',
};

const read = (changes: Record<string, unknown> = {}): ComparisonDefinition =>
  readComparison({ ...FILE, ...changes }, BASE);

interface Made {
  readonly state: ComparisonState;
  readonly events: readonly ComparisonEvent[];
}

/** Makes a comparison; `stopAt` looks at every event and may stop it there. */
async function make(
  definition: ComparisonDefinition,
  store: ComparisonStore = memoryComparisonStore(),
  stopAt: (event: ComparisonEvent, count: number) => boolean = () => false,
  more: Partial<ComparisonHost> = {},
): Promise<Made> {
  const control = new AbortController();
  const events: ComparisonEvent[] = [];
  const loop = runComparison(definition, {
    runtime,
    base: BASE,
    openBases: () => Promise.reject(new Error('No checkpoint is named.')),
    collection: definition.collection === undefined ? undefined : factCollection(8),
    store,
    device: 'test',
    signal: control.signal,
    ...more,
  });
  for (;;) {
    const { done, value } = await loop.next();
    if (done) return { state: value, events };
    events.push(value);
    if (stopAt(value, events.length)) control.abort();
  }
}

/** Without times, which no two runs share. */
const untimed = (state: ComparisonState): unknown =>
  JSON.parse(JSON.stringify(state.results, (key, value: unknown) => (key === 'seconds' ? undefined : value)));

describe('a comparison', () => {
  test('spends on every run what the budget says, looks at it evenly, and reports every seed of all', async () => {
    const { state, events } = await make(read());
    expect(state.results.map(({ contender, seed }) => `${contender} ${seed}`)).toEqual(
      [1, 2, 3].flatMap((seed) => [`Revela ${seed}`, `InfoNCE ${seed}`]),
    );
    for (const { points } of state.results) {
      expect(points.map(({ steps }) => steps)).toEqual([0, 2, 4]);
      expect(points.map(({ chunks }) => chunks)).toEqual([0, 8, 16]);
      expect(points.at(-1)?.items).toHaveLength(8);
    }
    expect(events.filter(({ type }) => type === 'result')).toHaveLength(6);
    const byFlops = await make(read({ budget: { flops: 2.5 * (state.results[0]?.points[1]?.flops ?? NaN) } }));
    const revela = byFlops.state.results[0]?.points.at(-1);
    const infoNce = byFlops.state.results[1]?.points.at(-1);
    // A step is made as long as anything is left: none goes over by more than one.
    expect(revela?.steps).toBe(5);
    expect(infoNce?.steps).toBeGreaterThan(revela?.steps ?? NaN);
    expect((infoNce?.flops ?? NaN) / (revela?.flops ?? NaN)).toBeCloseTo(1, 1);
  });

  test('that is stopped, or crashes, goes on to the same numbers', async () => {
    const definition = read({ learningRates: { values: [0.001, 0.01], seed: 0, share: 0.5 } });
    const whole = untimed((await make(definition)).state);
    const store = memoryComparisonStore();
    // Stopped in the middle of the first run to be reported, and at the end of another.
    const first = await make(
      definition,
      store,
      (event) => event.type === 'point' && event.trial.purpose === 'reported' && event.point.steps === 2,
    );
    expect(first.state.current).toMatchObject({ purpose: 'reported', seed: 1, spent: { steps: 2 } });
    const second = await make(
      definition,
      store,
      (event) => event.type === 'point' && event.trial.seed === 2 && event.point.steps === 4,
    );
    expect(second.events[0]).toMatchObject({ type: 'trial', goesOnAfter: 2 });
    // A crash: what was written last is all there is.
    const crashed = memoryComparisonStore();
    await expect(
      make(definition, {
        ...crashed,
        write: async (name, pieces) => {
          if (name === 'running-4.safetensors') throw new Error('The power is off.');
          await crashed.write(name, pieces);
        },
      }),
    ).rejects.toThrow('The power is off.');
    expect(untimed((await make(definition, crashed)).state)).toEqual(whole);
    expect(untimed((await make(definition, store)).state)).toEqual(whole);
  });

  test('refuses to go on as another one', async () => {
    const store = memoryComparisonStore();
    await make(read(), store, (_, count) => count === 1);
    await expect(make(read({ seeds: [1, 2, 4] }), store)).rejects.toThrow('seeds is not what it was');
    await store.write('state.json', [new TextEncoder().encode('{')]);
    await expect(make(read(), store)).rejects.toThrow('state.json is no state of a comparison');
  });

  test('hands over the encoder that teaches, asks it once for a text, and goes on with none other', async () => {
    const settings = {
      ...TINY,
      source: 'text',
      objective: 'distillation',
      teacher: 'encoder',
      chunkTokens: 32,
      vocabulary: 300,
    };
    const variants = [{ name: 'taught' }, { name: 'more contrast', settings: { contrastWeight: 1 } }];
    const definition = read({ settings, variants, collection: undefined, budget: { steps: 2 }, looks: 1 });
    const embed = vi.fn((_role: string, texts: readonly string[]) =>
      Promise.resolve(Float32Array.from(texts.flatMap((text) => [Math.sin(text.length), Math.cos(text.length)]))),
    );
    const more = {
      teacher: { name: 'lengths', dimensions: 2, embed },
      text: pastedText('A text', TEXT),
      title: 'A text',
    };
    const { state: whole } = await make(definition, undefined, undefined, more);
    expect(whole.results).toHaveLength(6);
    expect(embed).toHaveBeenCalledTimes(1);

    const store = memoryComparisonStore();
    await make(definition, store, ({ type }) => type === 'point', more);
    await expect(make(definition, store, undefined, { ...more, teacher: undefined })).rejects.toThrow(
      'An encoder is to teach "taught", and none is at hand',
    );
    const other = { ...more, teacher: { ...more.teacher, name: 'other' } };
    await expect(make(definition, store, undefined, other)).rejects.toThrow('the encoder that teaches');
    expect(untimed((await make(definition, store, undefined, more)).state)).toEqual(untimed(whole));
  });

  test('exports tables, curves and charts', async () => {
    const { state } = await make(read());
    const table = comparedTable(state);
    expect(table.rows.map(({ contender, seeds }) => [contender, seeds])).toEqual([
      ['Revela', 3],
      ['InfoNCE', 3],
    ]);
    expect(comparisonJson(state)).toMatchObject({ title: 'Tiny', tables: { steps: { amount: 4 } } });
    expect(curvesTsv(state).trim().split('\n')).toHaveLength(1 + 6 * 3);
    const [first] = state.results;
    const named = curvesTsv({ ...state, results: [{ ...first!, contender: '=1+1' }] });
    expect(named.split('\n')[1], 'no formula to a spreadsheet').toContain('\t\\=1+1\t');
    const svg = comparisonSvg(state, 'flops');
    expect(svg.match(/<path/g)).toHaveLength(4);
    expect(svg).toContain('bm25');
    expect(svg).not.toMatch(/NaN|undefined/);
  });
});

/** A state of invented runs. */
function invented(
  runs: readonly (Partial<TrialResult> & { readonly scores: readonly number[] })[],
  changes = {},
): ComparisonState {
  const points = (scores: readonly number[], items: readonly number[] = []): CurvePoint[] =>
    scores.map((score, i) => ({
      steps: 2 * i,
      flops: 100 * i,
      chunks: 8 * i,
      seconds: i,
      scores: { 'ndcg@10': score, recallAt1: score },
      items,
    }));
  return {
    version: 1,
    definition: read(changes),
    fingerprint: '',
    device: 'test',
    beside: {},
    results: runs.map(({ scores, ...run }) => ({
      purpose: 'reported',
      contender: 'Revela',
      seed: 1,
      learningRate: 0.001,
      points: points(scores),
      ...run,
    })),
  };
}

describe('its table', () => {
  test('has means, standard deviations and tests that a hand computes', () => {
    const state = invented([
      ...[0.5, 0.6, 0.7].map((score, i) => ({ contender: 'Revela', seed: i + 1, scores: [0, 0.1, score] })),
      ...[0.4, 0.5, 0.65].map((score, i) => ({ contender: 'InfoNCE', seed: i + 1, scores: [0, 0.1, score] })),
    ]);
    const [first, second] = comparedTable(state).rows;
    expect(first?.score.mean).toBeCloseTo(0.6, 12);
    expect(first?.score.sd).toBeCloseTo(0.1, 12);
    // Differences −.1, −.1, −.05: t = −5 with 2 degrees of freedom.
    expect(second?.against?.difference).toBeCloseTo(-0.25 / 3, 12);
    expect(second?.against?.seeds?.p).toBeCloseTo(0.0377, 4);
    expect(second?.against?.items).toBeUndefined();
  });

  test('corrects by Holm for all that are compared, and leaves out seeds that not all have run with', () => {
    const variants = ['A', 'B', 'C'].map((name) => ({ name }));
    const runs = ['A', 'B', 'C'].flatMap((contender, c) =>
      [1, 2, 3].map((seed) => ({ contender, seed, scores: [0, 0.5 + 0.1 * c * seed + 0.01 * seed * seed * c] })),
    );
    const table = comparedTable(invented(runs, { variants }));
    const ps = table.rows.slice(1).map(({ against }) => against?.seeds);
    const least = Math.min(...ps.map((one) => one?.p ?? NaN));
    expect(ps.map((one) => one?.corrected)).toContain(2 * least);
    const partial = comparedTable(invented(runs.slice(0, -1), { variants }));
    expect(partial.rows.map(({ seeds }) => seeds)).toEqual([2, 2, 2]);
  });

  test('on another axis stands where all have come to, between looks', () => {
    const state = invented([
      { contender: 'Revela', scores: [0, 0.2, 0.4] },
      {
        contender: 'InfoNCE',
        scores: [0, 1],
        points: [0, 6].map((steps, i) => ({
          steps,
          flops: 50 * i,
          chunks: 4 * i,
          seconds: i,
          scores: { 'ndcg@10': i },
          items: [],
        })),
      },
    ]);
    const table = comparedTable(state, 'flops');
    expect([table.amount, ...table.rows.map(({ score }) => score.mean)]).toEqual([50, 0.1, 1]);
    expect(meanCurves(state).map(({ points }) => points.length)).toEqual([3, 2]);
  });
});

describe('learning rates', () => {
  const learningRates = { values: [0.001, 0.01, 0.1], seed: 0 };
  const choosing = (learningRate: number, heldOut: number, ndcg: number, more = {}): TrialResult => ({
    purpose: 'choosing',
    contender: 'Revela',
    seed: 0,
    learningRate,
    points: [{ steps: 4, flops: 1, chunks: 1, seconds: 1, scores: { recallAt1: heldOut, 'ndcg@10': ndcg }, items: [] }],
    ...more,
  });

  test('are chosen by held-out text alone, whatever the queries say, and not from runs that diverged', () => {
    const results = [choosing(0.001, 0.2, 0.9), choosing(0.01, 0.6, 0.1), choosing(0.1, 0.9, 0.9, { divergedAt: 3 })];
    const choice = rateChoice(read({ learningRates }), 'Revela', results);
    expect(choice.learningRate).toBe(0.01);
    expect(choice.tried.map(({ heldOut }) => heldOut)).toEqual([0.2, 0.6, undefined]);
    const all = results.map((one) => ({ ...one, divergedAt: 1 }));
    expect(() => rateChoice(read({ learningRates }), 'Revela', all)).toThrow('every rate has diverged');
  });

  test('are tried for all before anything is reported, with a seed of their own', () => {
    const definition = read({ learningRates });
    const contenders = contendersOf(definition, BASE);
    const results: TrialResult[] = [];
    for (
      let trial = nextTrial(definition, contenders, results);
      trial;
      trial = nextTrial(definition, contenders, results)
    )
      results.push({ ...choosing(trial.learningRate, trial.learningRate, 0), ...trial });
    expect(results.slice(0, 6).every(({ purpose, seed }) => purpose === 'choosing' && seed === 0)).toBe(true);
    expect(results.slice(6).map(({ seed, learningRate }) => [seed, learningRate])).toEqual(
      [1, 1, 2, 2, 3, 3].map((seed) => [seed, 0.1]),
    );
  });
});

describe('its file', () => {
  test.each([
    [{ seeds: [1, 2] }, 'seeds takes 3 to 50 entries.'],
    [{ seeds: [1, 2, 2] }, 'seeds has an entry twice.'],
    [{ seeds: [1, 2, -3] }, 'seeds[2] is no whole number'],
    [{ budget: { steps: 4, flops: 1 } }, 'budget takes exactly one of'],
    [{ budget: { hours: 1 } }, 'budget.hours is a field that nothing reads.'],
    [{ budget: 4 }, 'budget is no object.'],
    [
      { variants: [{ name: 'A', settings: { temprature: 1 } }] },
      'variants[0]: There is no setting called "temprature".',
    ],
    [{ variants: [{ name: 'A', settings: { seed: 1 } }] }, 'variants[0].settings.seed: seeds are listed in seeds.'],
    [{ variants: [{ name: 'A', settings: { source: 'kitchen' } }] }, 'variants[0].settings.source: text and base'],
    [{ variants: [{ name: 'A' }, { name: 'A', settings: { temperature: 1 } }] }, 'variants: two are called "A"'],
    [{ settings: { temperature: 'hot' } }, 'settings: '],
    [{ learningRates: { values: [1, 2, 3], seed: 1 } }, 'learningRates.seed is one of seeds'],
    [{ learningRates: { values: [1, 2, 3], seed: 0 }, collection: undefined }, 'learningRates needs a collection'],
    [{ score: 'ndgc@10' }, 'There is no measure ndgc@10'],
    [{ score: 'ndcg@10', collection: undefined }, 'without a collection'],
    [{ looks: 0 }, 'looks is no whole number from 1 to 200.'],
    [{ title: '' }, 'title takes 1 to 80 characters'],
    [{ notes: 'x' }, 'notes is a field that nothing reads.'],
  ])('with %j is refused by the name of the field', (changes, message) => {
    expect(() => read(changes)).toThrow(message);
    expect(() => readComparison(null, BASE)).toThrow('The file is no object.');
  });

  test('sweeps settings over a grid, every variant with every combination', () => {
    const names = (changes: Record<string, unknown>) => contendersOf(read(changes), BASE).map(({ name }) => name);
    const grid = { temperature: [0.05, 0.1], vNorm: [true, false] };
    expect(names({ variants: undefined, grid })).toEqual([
      'temperature 0.05, vNorm true',
      'temperature 0.05, vNorm false',
      'temperature 0.1, vNorm true',
      'temperature 0.1, vNorm false',
    ]);
    expect(names({ grid: { chunks: [4, 8] } })).toHaveLength(4);
    expect(() => names({ grid: { chunks: [4, 5] } })).toThrow();
  });
});

test('the collection of facts is of facts that training never sees, told in two sentences', () => {
  const { documents, queries, qrels } = factCollection(40);
  expect([documents.length, queries.length, qrels.size]).toEqual([40, 40, 40]);
  const trained = new Set(
    Array.from({ length: 40 }, (_, i) => new FactStream({ seed: i }).batchAt(i).chunks).flatMap((chunks) =>
      chunks.map(({ text }) => text),
    ),
  );
  expect(documents.some(({ text }) => trained.has(text))).toBe(false);
  expect(documents.every(({ text }, i) => text !== queries[i]?.text)).toBe(true);
  expect(factCollection(40)).toEqual({ title: '40 held-out facts', documents, queries, qrels, notices: [] });
});
