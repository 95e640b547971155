import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configure } from '../../../src/settings/configuration.ts';
import { matrixOf, metricOf, type Evaluation, type RunRecord } from '../../../src/run/record.ts';
import { configurationName, differences } from '../../../src/ui/panels/runs/labels.ts';
import { lineLabels } from '../../../src/ui/panels/runs/compare/lineLabels.ts';
import { lineStyle } from '../../../src/ui/panels/runs/compare/lineStyle.ts';
import { RunFileError } from '../../../src/ui/panels/runs/records/problems.ts';
import { readRun, writeRun } from '../../../src/ui/panels/runs/records/runFile.ts';
import { COMPARED } from '../../../src/ui/panels/runs/runs.svelte.ts';
import type { RunSummary } from '../../../src/ui/panels/runs/records/summary.ts';
import { History } from '../../../src/ui/state/history/history.ts';
import { PROBE_BATCH, probeRecord, record, runOf } from '../records.ts';

function evaluation(step: number): Evaluation {
  const scores = { recallAt1: 0.1, chance: 0.2, tfidfRecallAt1: undefined };
  return { step, ...scores, ntpLoss: 3, isolatedLoss: 3, effectiveDocuments: 2 };
}

const run = {
  ...runOf([record(1), record(2, { recallAt1: undefined, chance: undefined })]),
  configuration: configure({ temperature: 0.0212345678901234 }),
  evaluations: [evaluation(0)],
  probe: { of: 'heldOut' as const, batch: PROBE_BATCH, records: [probeRecord(0), probeRecord(2)] },
};

function refusal(content: string): string {
  try {
    readRun(content, 'a.json');
  } catch (error) {
    expect(error).toBeInstanceOf(RunFileError);
    return (error as RunFileError).message;
  }
  throw new Error('The file was taken.');
}

/** The run's JSON with one place changed: 'snapshots.0.attention.3' → a value. */
function changed(place: string, value: unknown): string {
  const copy = JSON.parse(writeRun(run)) as Record<string, unknown>;
  const names = place.split('.');
  const last = names.pop() ?? '';
  const holder = names.reduce<Record<string, unknown>>((at, name) => at[name] as Record<string, unknown>, copy);
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return JSON.stringify(copy);
}

describe('a run as a file', () => {
  it('comes back as it was', () => {
    const back = readRun(writeRun(run), 'a.json');
    expect(JSON.parse(writeRun(back))).toEqual(JSON.parse(writeRun(run)));
    const others = { metrics: [], snapshots: [], probe: undefined };
    expect({ ...back, ...others }).toEqual({ ...run, ...others });
    const of = ({ metrics: all }: RunRecord, i: number): number =>
      all.map((one) => metricOf(one, 'chance') || 0)[i] ?? 0;
    back.metrics.forEach((_, i) => expect(of(back, i)).toBeCloseTo(of(run, i), 6));
    expect(back.snapshots[1]?.batch).toEqual(run.snapshots[1]?.batch);
    const attention = [back, run].map(({ snapshots }) => snapshots.map((one) => matrixOf(one, 'attention')[1] ?? 0));
    expect(attention[0]?.[1]).toBeCloseTo(attention[1]?.[1] ?? 0, 6);
  });

  it('is what the command line writes, with the batch that stays the same', () => {
    const content = readFileSync('public/recorded/facts.json', 'utf8');
    const recorded = readRun(content, 'facts.json');
    expect(recorded.metrics.length).toBeGreaterThan(100);
    const { probe } = JSON.parse(content) as RunRecord;
    expect(recorded.probe).toEqual(probe);
    // And as the page keeps it, whose pictures may be fewer than its numbers.
    const kept = History.from(recorded).probe!.toProbe();
    const back = readRun(writeRun({ ...recorded, probe: kept }), 'b.json');
    expect(back.probe!.records).toHaveLength(kept.records.length);
    expect(back.probe!.batch).toEqual(probe!.batch);
    expect(matrixOf(back.probe!.records.at(-1)!, 'attention')).toEqual(matrixOf(probe!.records.at(-1)!, 'attention'));
    expect(matrixOf(back.snapshots[0]!, 'attentionGradient')).toHaveLength(64);
  });

  it('leaves out steps whose numbers are not finite, as no file can hold them', () => {
    const diverged = runOf([record(1), record(2, { loss: NaN })]);
    expect(readRun(writeRun(diverged), 'a.json').metrics.map(({ step }) => step)).toEqual([1]);
  });

  it('puts scores in order, and leaves out those that no file can hold', () => {
    const scored = {
      ...run,
      evaluations: [evaluation(2), evaluation(0), { ...evaluation(1), ntpLoss: NaN }, evaluation(9)],
    };
    expect(readRun(writeRun(scored), 'a.json').evaluations.map(({ step }) => step)).toEqual([0, 2]);
  });

  it('may lack a number that was not measured when it was trained', () => {
    const older = runOf([record(1, { tokensPerSecond: NaN }), record(2, { tokensPerSecond: NaN })]);
    const content = writeRun(older);
    expect(content).not.toContain('tokensPerSecond');
    const back = readRun(content, 'a.json');
    expect(back.metrics.map(({ step, tokensPerSecond }) => [step, tokensPerSecond])).toEqual([
      [1, NaN],
      [2, NaN],
    ]);
    expect(back.snapshots).toHaveLength(2);
    const bare = JSON.parse(content) as { metrics: { loss?: number }[] };
    for (const one of bare.metrics) delete one.loss;
    expect(refusal(JSON.stringify(bare))).toMatch(/metrics\[0\].loss is missing/);
  });

  it('shows its names without characters that turn the direction of writing', () => {
    const named = readRun(changed('name', 'Run \u202efdp.exe'), 'a.json');
    expect(named.name).toBe('Run fdp.exe');
    expect(refusal(changed('version', 2)).startsWith('a.json holds no run')).toBe(true);
  });

  it.each([
    ['metrics.0.loss', 'x'.repeat(1e7), /metrics\[0\]\.loss is longer than 100000 characters/],
    ['configuration.source', 'x'.repeat(50_000), /Text \(source\) takes one of .*, not "x{80}…"\. Your runs/],
    [
      'configuration',
      Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => [`k${i}`, i])),
      /configuration has more than 1000 fields/,
    ],
    ['snapshots.0.attention', Array(3e6).fill(0), /snapshots\[0\]\.attention has more than 2000000 entries/],
  ])('says in few words that %s is far too large', (place, value, why) => {
    const said = refusal(changed(place, value));
    expect(said).toMatch(why);
    expect(said.length).toBeLessThan(400);
  });

  it.each([
    ['version', 2, /its version is 2, and this page reads version 1/],
    ['version', undefined, /its version is none/],
    ['name', 7, /name is missing or no text/],
    ['name', 'a'.repeat(1000), /name is longer/],
    ['metrics', [], /metrics has 0 entries/],
    ['metrics.1.step', 1, /metrics\[1\] is not of a later step/],
    ['metrics.1.step', 1.5, /metrics\[1\].step is not a whole number/],
    ['metrics.0.loss', '1', /metrics\[0\].loss is not a finite number/],
    ['metrics.0.loss', null, /metrics\[0\].loss is not a finite number/],
    ['metrics.0.recallAt1', 2, /recallAt1 is 2, outside 0 to 1/],
    ['metrics.0.memory', null, /metrics\[0\].memory is missing/],
    ['snapshots', undefined, /snapshots is missing/],
    ['snapshots.0.attention', [1, 2], /snapshots\[0\].attention has 2 entries; 16 fit/],
    ['snapshots.0.attention.3', 5, /snapshots\[0\].attention\[3\] is 5/],
    ['snapshots.0.tokenLoss.1', 'x', /tokenLoss\[1\] is missing or no list/],
    ['snapshots.0.batch.chunks', Array.from({ length: 1000 }, () => ({})), /chunks has 1000 entries; 2 to 32 fit/],
    ['snapshots.0.batch.chunks.0.tokens', [1], /tokens\[0\] is missing or no text/],
    ['configuration.temperature', -1, /Temperature τ \(temperature\) takes/],
    ['configuration.unheardOf', 1, /no setting called "unheardOf"/],
    ['corpus.vocabulary', 'many', /corpus.vocabulary is not a finite number/],
    ['evaluations.0.ntpLoss', null, /evaluations\[0\].ntpLoss/],
    ['evaluations.1', evaluation(0), /evaluations\[1\] is not of a later step/],
    ['evaluations.1', evaluation(3), /evaluations\[1\] is of step 3, but metrics end with step 2/],
    ['snapshots.1.metrics.step', 3, /snapshots\[1\] is of step 3, but metrics end with step 2/],
    ['metrics.0.stepMs', undefined, /metrics\[0\].stepMs is missing/],
    ['probe', 7, /probe is missing or no object/],
    ['probe.of', 'elsewhere', /probe.of is neither/],
    ['probe.batch.chunks', [], /probe.batch.chunks has 0 entries; 2 to 32 fit/],
    ['probe.records', undefined, /probe.records is missing/],
    ['probe.records.1.metrics.step', 0, /probe.records\[1\] is not of a later step/],
    ['probe.records.1.metrics.step', 9, /probe.records\[1\] is of step 9, but metrics end with step 2/],
    ['probe.records.0.metrics.partnerShare', 2, /partnerShare is 2, outside/],
    ['probe.records.0.attention', [1], /probe.records\[0\].attention has 1 entries; 16 fit/],
    ['probe.records.0.tokenLoss', undefined, /tokenLoss is missing/],
    ['probe.batch.chunks.0.wording', -1, /wording is -1/],
  ])('%s = %j is refused, and the place named', (place, value, message) => {
    expect(refusal(changed(place, value))).toMatch(message);
  });

  it.each([
    ['', /it is no JSON/],
    ['<!doctype html>', /it is no JSON/],
    ['null', /The file is missing or no object/],
    ['[]', /The file is missing or no object/],
    ['{"__proto__": {"version": 1}}', /its version is/],
  ])('%s is no run', (content, message) => {
    const said = refusal(content);
    expect(said).toMatch(message);
    expect(said).toMatch(/^a\.json .*Your runs are as they were\.$/);
  });

  it('brings nothing along that a run does not have', () => {
    const taken = readRun(changed('snapshots.0.extra', { big: 1 }), 'a.json');
    expect(taken.snapshots[0]).not.toHaveProperty('extra');
  });
});

describe('names of runs', () => {
  it('are the nearest preset and what is changed', () => {
    expect(configurationName(configure({}))).toBe('Facts, small model');
    expect(configurationName(configure({ temperature: 0.02, vNorm: false }))).toBe(
      'Facts, small model: Temperature τ 0.02, V-normalisation off',
    );
    expect(configurationName(configure({ attention: 'uniform' }))).toBe('Facts, uniform control');
  });

  it('say beside one another what tells them apart, and only that', () => {
    const three = [
      configure({ seed: 5 }),
      configure({ seed: 5, temperature: 1 }),
      configure({ seed: 5, attention: 'bm25' }),
    ];
    expect(differences(three)).toEqual([
      'Who is read: Learned, Temperature τ 0.1',
      'Who is read: Learned, Temperature τ 1',
      'Who is read: BM25, Temperature τ 0.1',
    ]);
    expect(differences([configure({}), configure({})])).toEqual(['', '']);
  });

  it('count what would be too long', () => {
    const [, second] = differences([configure({}), configure({ seed: 1, layers: 3, warmup: 9, dualLoss: true })]);
    expect(second).toBe('Layers 3, Dual loss on, Warm-up 9 and 1 more');
  });

  it('name the setting that tells two runs apart first, wherever it stands', () => {
    const common = { layers: 3, dualLoss: true, warmup: 9 };
    const three = [configure({}), configure({ ...common, seed: 1 }), configure({ ...common, seed: 2 })];
    const [, second, third] = differences(three);
    expect(second).toBe('Layers 3, Dual loss on, Seed 1 and 1 more');
    expect(third).toBe('Layers 3, Dual loss on, Seed 2 and 1 more');
  });

  it('name as many settings as it takes', () => {
    const changes = [{ layers: 3 }, { dualLoss: true }, { warmup: 9 }, { seed: 7 }, { temperature: 0.5 }];
    const six = [{}, ...changes].map((change) => configure(change));
    expect(new Set(differences(six)).size).toBe(6);
  });
});

describe('lines of a comparison', () => {
  const summary = (
    id: number,
    changes: Record<string, unknown>,
    name = 'Facts',
    createdAt = (id + 0.5) * 86_400_000,
  ): RunSummary => ({
    id: String(id),
    name,
    createdAt,
    savedAt: 0,
    steps: 1,
    bytes: 1,
    configuration: configure(changes),
    score: undefined,
    headline: 1,
  });

  it('are six that look different and are called differently', () => {
    const runs = [
      summary(1, {}),
      summary(2, {}, 'My first'),
      summary(3, { temperature: 0.02 }),
      summary(4, { temperature: 0.02 }),
      summary(5, { attention: 'uniform', seed: 3 }),
      summary(6, { attention: 'uniform', seed: 4 }),
    ];
    const labels = lineLabels(runs);
    expect(new Set(labels).size).toBe(6);
    expect(labels[1]).toMatch(/ · My first$/);
    expect(labels[3]).toMatch(/Temperature τ 0\.02.* · Facts · begun 5 Jan 1970$/);
    const styles = runs.map((_, place) => lineStyle(place)).map(({ tone, dashes }) => `${tone} ${dashes}`);
    expect(new Set(styles).size).toBe(COMPARED.most);
  });

  it('have names where all settings are the same', () => {
    expect(lineLabels([summary(1, {}, 'One'), summary(2, {}, 'Two')])).toEqual(['One', 'Two']);
    expect(lineLabels([summary(1, {}), summary(2, {})])[0]).toBe('Facts · begun 2 Jan 1970');
  });
});
