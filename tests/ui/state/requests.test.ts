import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { WORKER_LOST, type LabError } from '../../../src/lab/door/labError.ts';
import type { DownloadView, ModelView, PlanView, SearchResult } from '../../../src/lab/door/views.ts';
import { configure } from '../../../src/settings/configuration.ts';
import { Inspect } from '../../../src/ui/panels/inspect/inspect.svelte.ts';
import { Models } from '../../../src/ui/panels/models/models.svelte.ts';
import { Search } from '../../../src/ui/panels/search/search.svelte.ts';
import { Draft } from '../../../src/ui/panels/settings/draft.svelte.ts';
import { Weights } from '../../../src/ui/panels/runs/weights.svelte.ts';
import { Session } from '../../../src/ui/state/session.svelte.ts';
import { inventedAttribution, inventedPair } from '../../browser/support/inventedInspection.ts';
import { inventedStep } from '../../browser/support/inventedRun.ts';
import { fakeLab, settled, type FakeLab } from '../fakeLab.ts';

const NOTHING_IMPORTED = { imports: 0 };
const ERROR: LabError = { kind: 'storage', message: 'The disk is full.', action: 'Make room.' };

let lab: FakeLab;
let session: Session;

beforeEach(async () => {
  lab = fakeLab();
  vi.stubGlobal('navigator', {});
  session = new Session(new Draft());
  session.prepare();
  lab.accept();
  await settled();
});
afterEach(() => session.close());

describe('a search', () => {
  const found = (query: string): SearchResult => ({
    query,
    step: 0,
    chunks: 2,
    hits: { after: [], before: [], bm25: [], tfidf: [] },
    documents: [],
    asked: undefined,
  });

  test('shows what was found for its own query when another was asked before it', async () => {
    const search = new Search(session, NOTHING_IMPORTED);
    void search.ask('bread');
    await settled();
    void search.ask('salt');
    await settled();
    const [first, second] = lab.asked('search');
    expect([first?.isStopped, second?.isStopped]).toEqual([true, false]);
    first?.answer(found('bread'));
    await settled();
    expect([search.result, search.isBusy]).toEqual([undefined, true]);
    second?.answer(found('salt'));
    await settled();
    expect([search.result?.query, search.isBusy]).toEqual(['salt', false]);
  });

  test('that was stopped shows nothing, also when it is answered all the same', async () => {
    const search = new Search(session, NOTHING_IMPORTED);
    void search.ask('bread');
    await settled();
    lab.asked('search')[0]?.progress(0.5);
    expect(search.embedded).toBe(0.5);
    search.stop();
    lab.asked('search')[0]?.progress(0.75);
    lab.asked('search')[0]?.answer(found('bread'));
    await settled();
    expect([search.result, search.embedded, search.wasStopped]).toEqual([undefined, undefined, true]);
  });

  test('is not asked of a text that is refused, and says so', async () => {
    const fresh = new Session(new Draft());
    onTestFinished(() => fresh.close());
    const search = new Search(fresh, NOTHING_IMPORTED);
    void search.ask('bread');
    lab.asked('configure').at(-1)?.fail(ERROR);
    await settled();
    expect(search.requests.errorOf('search')).toEqual(ERROR);
    expect(lab.asked('search')).toEqual([]);
  });
});

describe('an inspection', () => {
  const record = inventedStep(1);
  const pair = (query: number) => ({ step: 1, query, context: 0, layer: undefined });

  test('shows the pair that was chosen last, whichever is answered last', async () => {
    const inspect = new Inspect(session);
    void inspect.look(pair(1));
    void inspect.look(pair(2));
    const [first, second] = lab.asked('inspectPair');
    expect(first?.isStopped).toBe(true);
    second?.answer(inventedPair(record, 2, 0));
    first?.answer(inventedPair(record, 1, 0));
    await settled();
    expect([inspect.pair?.query, inspect.isLooking]).toEqual([2, false]);
  });

  test('of the models before a Reset is dropped', async () => {
    const inspect = new Inspect(session);
    void inspect.look(pair(1));
    void inspect.attribute(1);
    lab.say({ type: 'reset' });
    expect([inspect.isLooking, inspect.isAttributing]).toEqual([false, false]);
    lab.asked('inspectPair')[0]?.answer(inventedPair(record, 1, 0));
    lab.asked('attribute')[0]?.answer(inventedAttribution(record));
    await settled();
    expect([inspect.pair, inspect.attribution]).toEqual([undefined, undefined]);
  });

  test('that fails after another was asked spoils nothing of that', async () => {
    const inspect = new Inspect(session);
    void inspect.attribute(1);
    void inspect.attribute(2);
    const [first, second] = lab.asked('attribute');
    first?.fail(ERROR);
    second?.progress(0.25);
    await settled();
    expect([inspect.requests.errorOf('attribute'), inspect.attributed]).toEqual([undefined, 0.25]);
    second?.answer(inventedAttribution(inventedStep(2)));
    await settled();
    expect(inspect.attribution?.step).toBe(2);
  });
});

describe('checkpoints', () => {
  const stored = (id: string): ModelView => ({ id, state: 'stored', bytes: 1, doneBytes: 1, storedAt: 0 });
  const storage = { usage: undefined, quota: undefined, persisted: undefined };

  test.each([
    [['local@mine'], 'local@mine', 'mine'],
    [['local@mine', 'local@mine (2)'], 'local@mine (2)', 'mine (2)'],
    [['mine', 'local@mine'], 'local@mine', 'local@mine'],
  ])('a folder is chosen by the name it got: of %o, %s is %s', async (ids, id, name) => {
    const models = new Models(session);
    const opened = models.openFolder('mine', [], true);
    lab.say({ type: 'models', models: { models: ids.map(stored), storage } });
    lab.asked('openFolder')[0]?.answer({ id });
    expect(await opened).toBe(name);
    expect(configure({ checkpoint: name }).checkpoint).toBe(name);
  });

  test('a download that is paused is waited for until the lab has paused it', async () => {
    const models = new Models(session);
    void models.fetch('a/b');
    const [request] = lab.asked('downloadModel');
    const view: DownloadView = {
      id: 'a/b',
      state: 'downloading',
      file: 'config.json',
      doneBytes: 1,
      totalBytes: 2,
      bytesPerSecond: 1,
      secondsLeft: 1,
    };
    request?.progress(view);
    request?.progress({ ...view, file: 'model.safetensors' });
    expect(models.finished).toEqual(['config.json']);
    models.pause();
    expect([request?.isStopped, models.isDownloading]).toEqual([true, true]);
    request?.progress({ ...view, state: 'paused' });
    request?.fail({ kind: 'stopped', message: 'It was stopped.', action: '' });
    await settled();
    expect(models.download?.state).toBe('paused');
    expect([models.isDownloading, models.requests.errorOf('downloadModel')]).toEqual([false, undefined]);
  });

  test('a plan is that of the question asked last', async () => {
    const models = new Models(session);
    const plan = (seed: number): PlanView => ({
      configuration: configure({ seed }),
      weights: 0,
      gradients: 0,
      optimiser: 0,
      activations: 0,
      scratch: 0,
      peak: 0,
      budget: 0,
      refusal: undefined,
      assumption: undefined,
      nearest: undefined,
    });
    for (const seed of [1, 2]) void models.measure(configure({ seed }));
    const [first, second] = lab.asked('plan');
    second?.answer(plan(2));
    first?.answer(plan(1));
    await settled();
    expect(models.plan?.configuration.seed).toBe(2);
  });

  test('two that are deleted one after the other are both deleted', async () => {
    const models = new Models(session);
    void models.remove('a');
    void models.remove('b');
    expect(lab.asked('deleteModel').map(({ isStopped }) => isStopped)).toEqual([false, false]);
    lab.asked('deleteModel')[0]?.answer();
    await settled();
    expect(models.requests.isWaiting('deleteModel')).toBe(true);
  });
});

describe('a run that cannot be saved by itself', () => {
  test('is no news where the worker is gone: that was said', async () => {
    const weights = new Weights(session);
    void weights.save();
    await settled();
    lab.say({ type: 'silent', isSilent: true });
    session.endSilent();
    await settled();
    expect(session.error).toEqual(WORKER_LOST);
    expect([weights.saveProblem, weights.hasNote]).toEqual([undefined, false]);
  });

  test('is told until it is saved', async () => {
    const weights = new Weights(session);
    lab.say({ type: 'notSaved', error: ERROR });
    expect([weights.saveProblem, weights.hasNote]).toEqual([ERROR, true]);
    void weights.save();
    lab.asked('saveRun')[0]?.fail({ ...ERROR, message: 'Still full.' });
    await settled();
    lab.say({ type: 'opened', id: 'one' });
    lab.say({ type: 'saved', run: { id: 'one', name: 'A run', step: 20, savedAt: 1, bytes: 1 } });
    expect([weights.saveProblem, weights.current?.step]).toEqual([undefined, 20]);
  });
});

describe('a run that was saved', () => {
  const saved = { id: 'one', name: 'A run', step: 20, savedAt: 1, bytes: 1 };
  const weightsOf = (): Weights => {
    const weights = new Weights(session);
    void weights.list();
    lab.say({ type: 'opened', id: 'one' });
    lab.say({ type: 'saved', run: saved });
    return weights;
  };

  test.each([
    ['the GPU is lost', 'deviceLost'],
    ['a bug has spoilt it', 'bug'],
  ] as const)('is offered where that is told when %s', async (_what, kind) => {
    const weights = weightsOf();
    lab.say({ type: 'lost', error: { ...ERROR, kind } });
    await settled();
    expect([weights.lost, weights.hasNote]).toEqual([saved, false]);
    expect(session.error?.kind).toBe(kind);
    weights.dismissOffer();
    expect([weights.lost, weights.hasNote]).toEqual([undefined, false]);
  });

  test('is not told to be unsaved as well when its GPU goes while it is saved', async () => {
    const weights = weightsOf();
    void weights.save();
    lab.say({ type: 'lost', error: { ...ERROR, kind: 'deviceLost' } });
    await settled();
    expect([weights.lost, weights.saveProblem]).toEqual([saved, undefined]);
    void weights.goOn('one');
    expect(weights.requests.errorOf('saveRun')).toBeUndefined();
  });

  test('is offered again when it could not be put back, since Train would begin at step 0', async () => {
    const weights = weightsOf();
    lab.say({ type: 'lost', error: { ...ERROR, kind: 'deviceLost' } });
    const isBack = weights.goOn('one');
    expect(weights.offered, 'it is on its way').toBeUndefined();
    lab.asked('resumeRun')[0]?.fail({ ...ERROR, kind: 'noWebGpu' });
    await settled();
    lab.asked('listSavedRuns').at(-1)?.answer([saved]);
    expect(await isBack).toBe(false);
    expect(weights.offered).toEqual(saved);
  });

  test('is offered no more when it is not there any more', async () => {
    const weights = weightsOf();
    lab.say({ type: 'lost', error: { ...ERROR, kind: 'deviceLost' } });
    const isBack = weights.goOn('one');
    lab.asked('resumeRun')[0]?.fail(ERROR);
    await settled();
    lab.asked('listSavedRuns').at(-1)?.answer([]);
    expect(await isBack).toBe(false);
    expect(weights.offered).toBeUndefined();
  });
});
