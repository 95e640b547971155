import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import { ComparisonDesk } from '../../src/lab/desks/comparison/comparisonDesk.ts';
import type { ComparisonProgress, ComparisonReport } from '../../src/lab/door/comparisonViews.ts';
import type { LabEvent } from '../../src/lab/door/protocol.ts';
import { Lab } from '../../src/lab/lab.ts';
import { StoredComparisons } from '../../src/run/comparison/storedComparisons.ts';
import { pastedText } from '../../src/corpus/given.ts';
import { configure } from '../../src/settings/configuration.ts';
import { failureOf } from '../harness/labFailure.ts';
import { memoryStore, type MemoryStore } from '../harness/memoryStore.ts';
import { jsonRows, qrelsOf, SEA_QUERIES, SEA_TEXTS } from '../harness/smallCollection.ts';
import { openTestRuntime } from '../harness/runtime.ts';

const TINY = { chunks: 4, layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, heldOutBatches: 1, warmup: 1 };
const DEFINITION = {
  title: 'Tiny, with a slash /',
  settings: TINY,
  variants: [{ name: 'Revela' }, { name: 'InfoNCE', settings: { objective: 'infoNce' } }],
  seeds: [1, 2, 3],
  budget: { steps: 4 },
  looks: 2,
};

let kept: MemoryStore;
let events: LabEvent[] = [];
let lab: Lab;
const open = (): Lab =>
  new Lab(nodeGpu(), (event) => events.push(event), {
    runs: () => Promise.resolve(memoryStore()),
    comparisons: () => Promise.resolve(kept),
  });

beforeAll(() => {
  kept = memoryStore();
  lab = open();
});
afterAll(() => lab.close());
beforeEach(() => {
  kept.contents.clear();
  kept.quota = Infinity;
  events = [];
});

/** Makes a comparison; stopped where `stopAt` says. */
function compare(stopAt: (told: ComparisonProgress) => boolean = () => false, which = lab) {
  const control = new AbortController();
  const told: ComparisonProgress[] = [];
  const answer = which.ask(
    { type: 'compare', definition: DEFINITION },
    {
      signal: control.signal,
      onProgress: (one) => {
        told.push(one);
        if (stopAt(one)) control.abort();
      },
    },
  );
  return { answer, told };
}

/** Scores as they are, without the times, which no two runs share. */
const numbers = ({ curves }: ComparisonReport): unknown =>
  JSON.parse(JSON.stringify(curves, (key, value: unknown) => (key === 'seconds' ? undefined : value)));

test('a comparison that is stopped goes on after a reload to the same numbers', async () => {
  const whole = await compare().answer;
  expect([whole.done, whole.of, whole.score]).toEqual([6, 6, 'recallAt1']);
  expect(whole.tables.map(({ axis }) => axis)).toEqual(['steps', 'flops', 'chunks', 'seconds']);
  const [table] = whole.tables;
  expect(table?.rows.map(({ name }) => name)).toEqual(['Revela', 'InfoNCE']);
  expect(table?.rows[0]?.cells[0]).toMatch(/^\d[.]\d{3} ± \d[.]\d{3}$/);
  expect(table?.rows[0]?.verdict).toBe('The others are compared with this.');
  expect(table?.rows[1]?.verdict).toMatch(/^(Higher|Lower|Equal)/);

  // In the middle of the third run.
  const stopped = compare(({ number, share }) => number === 3 && share === 0.5);
  expect(await failureOf(stopped.answer)).toMatchObject({ kind: 'stopped' });
  expect(stopped.told.map(({ report }) => report?.done).filter((done) => done !== undefined)).toEqual([1, 2]);
  const [entry] = (await lab.ask({ type: 'comparisons' })).filter(({ canGoOn }) => canGoOn);
  expect(entry).toMatchObject({ title: DEFINITION.title, done: 2, of: 6, isRunning: false });
  const id = entry?.id ?? '';
  expect(await lab.ask({ type: 'readComparison', id })).toMatchObject({ id, done: 2 });

  const next = open();
  try {
    const told: ComparisonProgress[] = [];
    const report = await next.ask({ type: 'resumeComparison', id }, { onProgress: (one) => told.push(one) });
    expect(told[0]).toMatchObject({ number: 3, of: 6 });
    expect(numbers(report)).toEqual(numbers(whole));
    expect(await next.ask({ type: 'comparisons' })).toMatchObject([{ done: 6, canGoOn: false }, { done: 6 }]);
    const json = await next.ask({ type: 'exportComparison', id, format: 'json' });
    expect(json.name).toBe('Tiny-with-a-slash.json');
    expect(JSON.parse(new TextDecoder().decode(json.bytes))).toMatchObject({ title: DEFINITION.title });
    const tsv = await next.ask({ type: 'exportComparison', id, format: 'tsv' });
    expect(new TextDecoder().decode(tsv.bytes).split('\n')).toHaveLength(1 + 6 * 3 + 1);
    const svg = await next.ask({ type: 'exportComparison', id, format: 'svg', axis: 'flops' });
    expect(svg.name).toBe('Tiny-with-a-slash-flops.svg');

    expect(await next.ask({ type: 'deleteComparison', id })).toHaveLength(1);
    expect(await failureOf(next.ask({ type: 'resumeComparison', id }))).toMatchObject({ kind: 'badInput' });
    expect(await failureOf(next.ask({ type: 'readComparison', id }))).toMatchObject({ kind: 'badInput' });
  } finally {
    await next.close();
  }
});

test('the run that is open goes on bit for bit, is looked at meanwhile, and must not be trained', async () => {
  const configuration = configure({ ...TINY, seed: 7 });
  const steps = () => events.flatMap((event) => (event.type === 'step' ? [event.record.metrics.loss] : []));
  await lab.ask({ type: 'configure', configuration });
  await lab.ask({ type: 'train', steps: 4 });
  const alone = steps();
  await lab.ask({ type: 'reset' });
  events = [];
  await lab.ask({ type: 'train', steps: 2 });

  let searched: Promise<unknown> | undefined;
  const refused: Promise<unknown>[] = [];
  const made = compare(({ number }) => {
    if (number === 1 && !searched) {
      searched = lab.ask({ type: 'search', query: 'colour', limit: 2 });
      const commands = [{ type: 'train' }, { type: 'step' }, { type: 'configure', configuration }] as const;
      refused.push(...commands.map((command) => failureOf(lab.ask(command))));
      refused.push(failureOf(compare().answer));
    }
    return number === 2;
  });
  expect(await failureOf(made.answer)).toMatchObject({ kind: 'stopped' });
  expect(await searched).toMatchObject({ step: 2 });
  for (const one of refused) expect(await one).toMatchObject({ kind: 'badInput', message: 'A comparison is running.' });
  await lab.ask({ type: 'train', steps: 2 });
  expect(steps()).toEqual(alone);
});

test('while a run trains there is no comparison, and what is wrong with one is named by its field', async () => {
  await lab.ask({ type: 'configure', configuration: configure(TINY) });
  const training = lab.ask({ type: 'train' });
  expect(await failureOf(compare().answer)).toMatchObject({ kind: 'badInput', message: 'A run is training.' });
  await lab.ask({ type: 'pause' });
  await training;
  const wrong = (changes: object) =>
    failureOf(lab.ask({ type: 'compare', definition: { ...DEFINITION, ...changes } })).then((error) => error?.message);
  expect(await wrong({ seeds: [1] })).toMatch(/^seeds takes 3/);
  expect(await wrong({ budget: { step: 1 } })).toMatch(/^budget[.]step is a field that nothing reads/);
  expect(await wrong({ variants: [{ name: 'a', settings: { objective: 'b' } }] })).toMatch(/^variants\[0\]: /);
  expect(await wrong({ collection: 'my-folder' })).toMatch(/^collection is "my-folder"/);
  expect(await failureOf(lab.ask({ type: 'compare', definition: 7 }))).toMatchObject({ kind: 'badInput' });
  expect(await lab.ask({ type: 'comparisons' }), 'nothing of these is kept').toEqual([]);
});

describe('what judges', () => {
  const source = {
    from: 'files',
    files: Object.entries({
      'sea/corpus.jsonl': jsonRows('d', SEA_TEXTS),
      'sea/queries.jsonl': jsonRows('q', SEA_QUERIES),
      'sea/qrels/test.tsv': qrelsOf(SEA_QUERIES),
    }).map(([path, text]) => ({ path, blob: new Blob([text]) })),
  } as const;
  const definition = { ...DEFINITION, budget: { steps: 1 }, looks: 1, collection: 'sea' };

  test('may be the collection that is open, which is kept with the comparison and outlives the page', async () => {
    const first = open();
    const next = open();
    try {
      await first.ask({ type: 'openCollection', source });
      const whole = await first.ask({ type: 'compare', definition });
      expect(whole).toMatchObject({ score: 'ndcg@10', done: 6, beside: [{ name: 'bm25' }] });
      expect(whole.tables[0]?.notes[0]).toContain('judged on sea');
      const control = new AbortController();
      const stopped = first.ask(
        { type: 'compare', definition },
        { signal: control.signal, onProgress: ({ number }) => number === 2 && control.abort() },
      );
      expect(await failureOf(stopped)).toMatchObject({ kind: 'stopped' });
      const id = (await next.ask({ type: 'comparisons' })).find(({ canGoOn }) => canGoOn)?.id ?? '';
      expect(numbers(await next.ask({ type: 'resumeComparison', id }))).toEqual(numbers(whole));
    } finally {
      await Promise.all([first.close(), next.close()]);
    }
  });

  test('may be a built-in one by its name, and nothing else', async () => {
    const planned = (collection: string) =>
      failureOf(lab.ask({ type: 'planComparison', definition: { ...definition, collection } }));
    expect(await planned('python-faq')).toBeUndefined();
    expect((await planned('sea'))?.message).toBe(
      'collection is "sea": here it is “facts”, “python-faq”, “stdlib-code”, or the one that is open under Evaluation (now none).',
    );
  });

  test('is refused where it was damaged in the storage', async () => {
    const stored = new StoredComparisons(() => Promise.resolve(kept));
    const collection = {
      title: 'one',
      documents: [],
      queries: [],
      qrels: new Map([['q', new Map([['d', 2]])]]),
      notices: [],
    };
    const id = await stored.begin({ definition, begun: 1 }, collection);
    expect(await stored.collection(id)).toEqual(collection);
    kept.contents.get(id)?.set('collection.json', new TextEncoder().encode('{"tit'));
    await expect(stored.collection(id)).rejects.toThrow('damaged');
    expect(await stored.collection(await stored.begin({ definition, begun: 2 }))).toBeUndefined();
  });
});

test('an encoder that is to teach is asked for before anything is kept', async () => {
  const settings = { ...TINY, source: 'text', objective: 'distillation', teacher: 'encoder' };
  const definition = {
    ...DEFINITION,
    settings,
    variants: [{ name: 'taught' }, { name: 'by words', settings: { teacher: 'bm25' } }],
  };
  for (const type of ['planComparison', 'compare'] as const)
    expect(
      (await failureOf(lab.ask({ type, definition, text: pastedText('Sea', SEA_TEXTS.join('\n\n')) })))?.message,
    ).toMatch(/^An encoder is to teach "taught", and none is at hand[.] Open one/);
  expect(await lab.ask({ type: 'comparisons' })).toEqual([]);
});

describe('a plan', () => {
  const plan = (changes: object) => lab.ask({ type: 'planComparison', definition: { ...DEFINITION, ...changes } });

  test('counts runs and operations before any is made', async () => {
    const bySteps = await plan({});
    expect(bySteps).toMatchObject({ contenders: ['Revela', 'InfoNCE'], runs: 6 });
    const spent = (await compare().answer).curves.map(({ points }) => points.at(-1)?.spent.flops ?? NaN);
    const made = 3 * spent.reduce((sum, one) => sum + one, 0);
    // A plan takes the batches of the first steps for all.
    expect(bySteps.flops).toBeGreaterThan(0.9 * made);
    expect(bySteps.flops).toBeLessThan(1.1 * made);
    const learningRates = { values: [0.001, 0.01], seed: 0, share: 0.5 };
    const byFlops = await plan({ budget: { flops: 1e6 }, learningRates, collection: 'facts' });
    expect(byFlops).toMatchObject({ runs: 10, flops: 2 * (3 + 2 * 0.5) * 1e6 });
    expect(byFlops.words).toBe(
      '2 compared, 10 runs, 4 of them to choose learning rates: about 8 MFLOP in all, besides looking at them.',
    );
    expect(await plan({ budget: { seconds: 10 } })).toMatchObject({ flops: undefined, runs: 6 });
  });
});

test('every run gives back its GPU memory, and so does one that is stopped', async () => {
  const runtime = await openTestRuntime();
  try {
    const atHand = {
      openModel: () => Promise.reject(new Error('No checkpoint is named.')),
      collection: () => undefined,
      teacher: () => undefined,
    };
    const desk = new ComparisonDesk(atHand, { comparisons: () => Promise.resolve(kept) });
    const before = runtime.pool.report();
    const control = new AbortController();
    const atResults: number[] = [];
    const apart = { openRuntime: () => Promise.resolve(runtime), letIn: () => Promise.resolve() };
    const making = {
      signal: control.signal,
      onProgress: ({ report, number, share }: ComparisonProgress) => {
        if (report) atResults.push(runtime.pool.report().liveBuffers);
        if (number === 3 && share === 0.5) control.abort();
      },
    };
    expect(await failureOf(desk.begin({ type: 'compare', definition: DEFINITION }, apart, making))).toMatchObject({
      kind: 'stopped',
    });
    expect(atResults).toEqual([before.liveBuffers, before.liveBuffers]);
    expect(runtime.pool.report()).toMatchObject({ liveBuffers: before.liveBuffers });
  } finally {
    runtime.destroy();
  }
});

describe('what is kept of comparisons', () => {
  test('is whole or not there, and full storage says so', async () => {
    const stored = new StoredComparisons(() => Promise.resolve(kept));
    const id = await stored.begin({ definition: DEFINITION, begun: 1 });
    const store = await stored.storeOf(id);
    const bytes = (text: string) => [new TextEncoder().encode(text)];
    const read = async () => new TextDecoder().decode(await store.read('state.json'));
    await store.write('state.json', bytes('first'));
    await store.write('state.json', bytes('second'));
    expect(await read()).toBe('second');
    expect([...(kept.contents.get(id)?.keys() ?? [])]).toEqual(['request.json', 'state.json~2']);
    // The power fails while the third is written.
    kept.contents.get(id)?.set('state.json~3', new TextEncoder().encode('thi'));
    expect(await read()).toBe('second');
    kept.quota = 1;
    await expect(store.write('state.json', bytes('fourth'))).rejects.toMatchObject({ kind: 'storage' });
    expect(await read()).toBe('second');
    await store.remove('state.json');
    expect(await store.read('state.json')).toBeUndefined();
  });
});
