import { describe, expect, it } from 'vitest';
import { configure } from '../../../src/settings/configuration.ts';
import { History } from '../../../src/ui/state/history/history.ts';
import { columnKeys } from '../../../src/ui/state/history/metricTable.ts';
import { restoreRun, restoreSummary } from '../../../src/ui/panels/runs/records/storedRun.ts';
import { summaryOf, type RunSummary } from '../../../src/ui/panels/runs/records/summary.ts';
import { PROBE_BATCH, probeRecord, record, REVELA, runOf } from '../records.ts';

/** Rows as storage has them; the numbers of the last step are not finite: the run diverged. */
function rows() {
  const records = [record(1), record(2), record(3, { loss: NaN, ntpLoss: Infinity })];
  const history = History.from(runOf(records));
  const { corpus } = runOf(records);
  const configuration: Record<string, unknown> = { ...configure({ temperature: 0.02 }) };
  const columns: Record<string, unknown> = Object.fromEntries(
    columnKeys(REVELA).map((name) => [name, history.column(name)]),
  );
  const evaluation = { ntpLoss: NaN, isolatedLoss: 3, effectiveDocuments: 2, recallAt1: 0.5 };
  const evaluations: unknown[] = [
    { ...evaluation, step: 2 },
    { ...evaluation, step: 0 },
  ];
  const summary = { ...summaryOf({ ...runOf(records), id: 'a', createdAt: 5, history }), configuration };
  const pictures: Record<string, unknown>[] = records.map((one) => ({ run: 'a', step: one.metrics.step, record: one }));
  return { summary, numbers: { id: 'a', corpus, adapter: 'none', columns, evaluations }, pictures };
}

type Rows = ReturnType<typeof rows>;

const restored = ({ summary, numbers, pictures }: Rows) => restoreRun(summary, numbers, pictures);

describe('a run out of storage', () => {
  it('is as it was kept, also when it diverged', () => {
    const run = restored(rows());
    expect(run.metrics.map(({ step, loss }) => [step, loss])).toEqual([
      [1, 1.3],
      [2, 1.3],
      [3, NaN],
    ]);
    expect(run.snapshots).toEqual(rows().pictures.map((one) => one.record));
    expect(run.configuration.temperature).toBe(0.02);
    expect(run.evaluations.map(({ step }) => step)).toEqual([0, 2]);
  });

  it('of an older page lacks nothing: settings at their defaults, numbers that were not measured empty', () => {
    const older = rows();
    delete older.summary.configuration.pooling;
    older.summary.configuration.abandoned = 'a setting that there is no more';
    delete older.numbers.columns.tokensPerSecond;
    delete older.numbers.columns.scratch;
    for (const picture of older.pictures) {
      const copy = structuredClone(picture.record) as { metrics: Record<string, unknown> };
      delete copy.metrics.tokensPerSecond;
      picture.record = copy;
    }
    const run = restored(older);
    expect(run.configuration).toEqual(configure({ temperature: 0.02 }));
    expect(run.metrics.map(({ tokensPerSecond, memory }) => [tokensPerSecond, memory.scratch, memory.peak])).toEqual(
      Array.from({ length: 3 }, () => [NaN, NaN, 5]),
    );
    expect(run.snapshots[0]?.metrics.tokensPerSecond).toBeNaN();
    expect(History.from(run).lastStep).toBe(3);
  });

  it('has the batch that stays the same: every look’s numbers, and the pictures that were kept', () => {
    const { summary, numbers, pictures } = rows();
    const looks = [0, 1, 2, 4].map((step) => probeRecord(step).metrics);
    const stored = { ...numbers, probe: { of: 'heldOut', batch: PROBE_BATCH, looks } };
    const drawn = [0, 2, 4].map((step) => ({ run: 'a probe', step, record: probeRecord(step) }));
    const { probe } = restoreRun(summary, stored, pictures, drawn);
    // The page was closed while it wrote: step 4 is beyond the last of the numbers.
    expect(probe?.records).toEqual([probeRecord(0), { metrics: probeRecord(1).metrics }, probeRecord(2)]);
    expect(probe).toMatchObject({ of: 'heldOut', batch: PROBE_BATCH });
    const damaged = [{ run: 'a probe', step: 0, record: { ...probeRecord(0), attention: [1] } }];
    expect(() => restoreRun(summary, stored, pictures, damaged)).toThrow(/probe.pictures\[0\].attention has 1 entries/);
    expect(restoreRun(summary, numbers, pictures).probe).toBeUndefined();
  });

  it('leaves out pictures beyond its last step', () => {
    const { summary, numbers, pictures } = rows();
    const { snapshots } = restoreRun(summary, numbers, [...pictures, { run: 'a', step: 9, record: record(9) }]);
    expect(snapshots.map(({ metrics }) => metrics.step)).toEqual([1, 2, 3]);
  });

  it.each<[string, (on: Rows) => unknown, RegExp]>([
    ['its numbers are gone', (on) => (on.numbers = undefined as never), /the row of its numbers is missing/],
    ['no steps', (on) => delete on.numbers.columns.step, /columns.step is missing or empty/],
    ['steps in disorder', (on) => (on.numbers.columns.step = Float64Array.of(1, 3, 2)), /columns.step\[2\] is not of/],
    ['half a column', (on) => (on.numbers.columns.loss = Float64Array.of(1)), /columns.loss has not 3 numbers/],
    ['a column of text', (on) => (on.numbers.columns.loss = 'none'), /columns.loss has not 3 numbers/],
    ['a setting out of range', (on) => (on.summary.configuration.temperature = -1), /Temperature τ \(temperature\)/],
    ['no settings', (on) => (on.summary.configuration = undefined as never), /configuration is missing/],
    ['no corpus', (on) => (on.numbers.corpus = undefined as never), /corpus is missing/],
    ['scores of another kind', (on) => (on.numbers.evaluations[0] = { step: 'x' }), /evaluations\[0\]/],
    ['an empty picture', (on) => (on.pictures[1] = { run: 'a', step: 2 }), /pictures\[1\] is missing/],
    [
      'a picture without its matrix',
      (on) => (on.pictures[1] = { record: { ...record(2), attention: [1] } }),
      /pictures\[1\].attention has 1 entries; 16 fit/,
    ],
  ])('cannot be read with %s', (_, damage, message) => {
    const damaged = rows();
    damage(damaged);
    expect(() => restored(damaged)).toThrow(message);
  });
});

describe('a row of the list', () => {
  it('is shown whatever is damaged in it', () => {
    const row = restoreSummary({ id: 'a', name: 7, steps: 'many', ntpLoss: null } as unknown as RunSummary);
    expect(row).toMatchObject({ id: 'a', name: 'A run without a name', createdAt: 0, steps: 0, headline: NaN });
    expect(row.configuration).toEqual(configure({}));
  });

  it('of an earlier page has its loss and recall under their names', () => {
    const { headline: _, score: __, ...others } = rows().summary;
    const row = restoreSummary({ ...others, ntpLoss: 1.25, recallAt1: 0.5 } as unknown as RunSummary);
    expect(row).toMatchObject({ headline: 1.25, score: 0.5 });
  });

  it('has the settings that were not there when it was kept', () => {
    const { summary } = rows();
    delete summary.configuration.pooling;
    expect(restoreSummary(summary as unknown as RunSummary).configuration).toEqual(configure({ temperature: 0.02 }));
  });
});
