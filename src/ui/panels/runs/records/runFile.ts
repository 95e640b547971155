import { quoted } from '../../../../base/quote.ts';
import * as v from 'valibot';
import { configure } from '../../../../settings/configuration.ts';
import { asTheyWereMeant } from '../../../../settings/earlierSettings.ts';
import { metricOf, type Probe, type RunRecord, type StepMetrics } from '../../../../run/record.ts';
import { SettingError } from '../../../../settings/setting.ts';
import { stepMetrics, tableOf, type ObjectiveTable } from '../../../../objectives/tables.ts';
import { columnKeys } from '../../../state/history/metricTable.ts';
import { checkBounds } from '../../../components/bounded.ts';
import { check, CheckError, entries, FIELDS, FINITE, object, type Fields } from '../../../components/check.ts';
import { checkCollection, checkOrder, CORPUS, NAME, runChecks, type RunChecks } from './checkRun.ts';
import { isLog, recordOfLog } from './logFile.ts';
import { RunFileError } from './problems.ts';

const MAXIMUM_STEPS = 2_000_000;
const MAXIMUM_PICTURES = 5000;

/** Digits that a 32-bit number has. */
const DIGITS = 7;

/**
 * A run as a file: the same JSON that the command line writes. Steps whose numbers are not finite are left out; a number that
 * no step has is no reason for that, it was not measured yet when the run was trained.
 */
export function writeRun(run: RunRecord): string {
  const measured = stepMetrics(tableOf(run.configuration)).filter(({ key }) =>
    run.metrics.some((one) => Number.isFinite(metricOf(one, key))),
  );
  const isFinite = (metrics: StepMetrics): boolean =>
    measured.every(({ key }) => metrics[key] === undefined || Number.isFinite(metricOf(metrics, key)));
  const metrics = run.metrics.filter(isFinite);
  const snapshots = run.snapshots.filter((one) => isFinite(one.metrics));
  const last = metrics.at(-1)?.step ?? 0;
  const evaluations = run.evaluations
    .filter(
      (one) =>
        one.step <= last && Object.values(one).every((value) => typeof value !== 'number' || Number.isFinite(value)),
    )
    .sort((a, b) => a.step - b.step);
  const probe = run.probe && { ...run.probe, records: run.probe.records.filter((one) => one.metrics.step <= last) };
  const collection = run.collection && {
    ...run.collection,
    scores: run.collection.scores.filter((one) => one.step <= last),
  };
  const { configuration, ...rest } = run;
  const content = JSON.stringify(
    { ...rest, metrics, snapshots, evaluations, probe, collection },
    (_, value: unknown) => {
      if (typeof value !== 'number' || Number.isInteger(value)) return value;
      return Number.isFinite(value) ? Number(value.toPrecision(DIGITS)) : undefined;
    },
  );
  // Settings are exact, what was measured is as exact as it was.
  return `{"configuration":${JSON.stringify(configuration)},${content.slice(1)}`;
}

/**
 * Reads a run, or the log of one that was handed over, from a file that anybody may have written. `name` is the file's.
 * @throws RunFileError when it is no JSON, of another version, too large, or holds anything but what a run holds.
 */
export function readRun(content: string, name: string): RunRecord {
  try {
    const value = isLog(content) ? recordOfLog(content) : parsed(content);
    checkBounds(value, BOUNDS);
    return checkRun(value);
  } catch (error) {
    if (error instanceof CheckError || error instanceof SettingError) throw new RunFileError(name, error.message);
    throw error;
  }
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    throw new CheckError('it is no JSON.');
  }
}

/** What became of a file: a run, or why it holds none; undefined where it could not be read at all. */
export type RunFileAnswer =
  { readonly run: RunRecord } | { readonly run?: undefined; readonly why: string | undefined };

/** Reads a run from a file, wherever that is done. */
export async function answerFor(file: File): Promise<RunFileAnswer> {
  try {
    return { run: readRun(await file.text(), file.name) };
  } catch (error) {
    return { why: error instanceof RunFileError ? error.why : undefined };
  }
}

/** Beyond what any run has: a picture nests seven deep, settings and numbers are some eighty each. */
const BOUNDS = { fields: 1000, entries: MAXIMUM_STEPS, characters: 100_000, depth: 12 } as const;

/** All but what its objective names. */
const FRAME = object({
  name: NAME,
  configuration: FIELDS,
  corpus: CORPUS,
  adapter: NAME,
  metrics: entries(1, MAXIMUM_STEPS),
  snapshots: entries(1, MAXIMUM_PICTURES),
  evaluations: entries(0, MAXIMUM_STEPS),
  probe: v.optional(FIELDS),
  collection: v.optional(FIELDS),
});

const LOOKS = object({ records: entries(0, MAXIMUM_STEPS) });

function checkRun(value: unknown): RunRecord {
  const { version } = check(FIELDS, value, 'The file');
  if (version !== 1) {
    const said = version === undefined ? 'none' : quoted(version, 40);
    throw new CheckError(`its version is ${said}, and this page reads version 1.`);
  }
  const run = check(FRAME, value, '');
  const configuration = configure(asTheyWereMeant({ ...run.configuration }));
  const table = tableOf(configuration);
  const checks = runChecks({ table, numbers: FINITE, absent: absentIn(run.metrics, table) });
  const metrics = run.metrics.map((one, i) => checks.metrics(one, `metrics[${i}]`));
  const snapshots = run.snapshots.map((one, i) => checks.snapshot(one, `snapshots[${i}]`));
  const evaluations = run.evaluations.map((one, i) => checks.evaluation(one, `evaluations[${i}]`));
  const steps = snapshots.map((one) => one.metrics);
  checkOrder(metrics, 'metrics');
  checkOrder(steps, 'snapshots');
  checkOrder(evaluations, 'evaluations');
  checkEnd(steps, 'snapshots', metrics.at(-1)?.step ?? 0);
  checkEnd(evaluations, 'evaluations', metrics.at(-1)?.step ?? 0);
  const probe = run.probe && checkProbe(run.probe, checks);
  if (probe)
    checkEnd(
      probe.records.map(({ metrics: one }) => one),
      'probe.records',
      metrics.at(-1)?.step ?? 0,
    );
  const collection = run.collection && checkCollection(run.collection);
  if (collection) checkEnd(collection.scores, 'collection.scores', metrics.at(-1)?.step ?? 0);
  const { name, corpus, adapter } = run;
  return {
    version: 1,
    name,
    configuration,
    corpus,
    adapter,
    metrics,
    snapshots,
    evaluations,
    ...(probe && { probe }),
    ...(collection && { collection }),
  };
}

function checkProbe(value: Fields, checks: RunChecks): Probe {
  const probe = checks.probe(value, 'probe');
  const chunks = probe.batch.chunks.length;
  const looks = check(LOOKS, value, 'probe').records;
  const records = looks.map((one, i) => checks.probeRecord(one, chunks, `probe.records[${i}]`));
  const pictures = records.filter((one) => Object.keys(one).length > 1).length;
  if (pictures > MAXIMUM_PICTURES)
    throw new CheckError(`probe.records has ${pictures} pictures, more than a run keeps.`);
  checkOrder(
    records.map(({ metrics }) => metrics),
    'probe.records',
  );
  return { ...probe, records };
}

/** What lies beyond the last step of a run can never be travelled to. */
function checkEnd(entries: readonly { readonly step: number }[], place: string, last: number): void {
  const wrong = entries.findIndex(({ step }) => step > last);
  if (wrong < 0) return;
  throw new CheckError(`${place}[${wrong}] is of step ${entries[wrong]?.step}, but metrics end with step ${last}.`);
}

/** The numbers that no step of a file has, and that came after the first files. */
function absentIn(rows: readonly unknown[], table: ObjectiveTable): Set<string> {
  const needed = stepMetrics(table).filter(({ isNewer }) => !isNewer);
  const present = new Set(needed.map(({ key }) => key));
  for (const row of rows) {
    if (typeof row !== 'object' || row === null) continue;
    const { memory } = row as { readonly memory?: unknown };
    for (const key of [...Object.keys(row), ...Object.keys(memory ?? {})]) present.add(key);
  }
  return new Set(columnKeys(table).filter((key) => !present.has(key)));
}
