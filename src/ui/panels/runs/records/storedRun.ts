import * as v from 'valibot';
import { configure, SETTING_KEYS, type Configuration } from '../../../../settings/configuration.ts';
import { asTheyWereMeant } from '../../../../settings/earlierSettings.ts';
import type { Probe, RunRecord } from '../../../../run/record.ts';
import { tableOf, type ObjectiveTable } from '../../../../objectives/tables.ts';
import { columnKeys, MetricTable } from '../../../state/history/metricTable.ts';
import { ANY_NUMBERS, check, CheckError, entries, FIELDS, object, type Fields } from '../../../components/check.ts';
import { checkCollection, checkOrder, CORPUS, NAME, runChecks, type RunChecks } from './checkRun.ts';
import type { RunSummary } from './summary.ts';

const NUMBERS = object({
  corpus: CORPUS,
  adapter: NAME,
  columns: FIELDS,
  evaluations: entries(0, Infinity),
  probe: v.optional(FIELDS),
  collection: v.optional(FIELDS),
});
const LOOKS = object({ looks: entries(0, Infinity) });

/**
 * A run out of the rows that storage has of it, whichever version of the page wrote them: settings that it did not have are
 * at their defaults, numbers that it did not measure are NaN.
 * @throws CheckError or SettingError when the rows hold anything but a run.
 */
export function restoreRun(
  summary: unknown,
  numbers: unknown,
  pictures: readonly unknown[],
  looks: readonly unknown[] = [],
): RunRecord {
  const { name, configuration } = check(FIELDS, summary, 'its row in the list');
  const settings = restoreConfiguration(configuration);
  const { corpus, adapter, columns, evaluations, probe, collection } = check(
    NUMBERS,
    check(FIELDS, numbers, 'the row of its numbers'),
    '',
  );
  const table = tableOf(settings);
  // What may be missing in storage: numbers that were not measured yet when a run was trained.
  const absent = new Set(columnKeys(table).filter((key) => key !== 'step'));
  const checks = runChecks({ table, numbers: ANY_NUMBERS, absent });
  const metrics = restoreMetrics(columns, table);
  const last = metrics.at(-1)?.step ?? 0;
  const snapshots = pictures.map((one, i) =>
    checks.snapshot(check(FIELDS, one, `pictures[${i}]`).record, `pictures[${i}]`),
  );
  checkOrder(
    snapshots.map((one) => one.metrics),
    'pictures',
  );
  return {
    version: 1,
    name: check(NAME, name, 'name'),
    configuration: settings,
    corpus,
    adapter,
    metrics,
    // A page that was closed while it wrote may have left pictures of later steps.
    snapshots: snapshots.filter((one) => one.metrics.step <= last),
    evaluations: evaluations
      .map((one, i) => checks.evaluation(one, `evaluations[${i}]`))
      .sort((a, b) => a.step - b.step),
    ...(collection && { collection: checkCollection(collection) }),
    ...(probe && { probe: restoreProbe(probe, looks, checks, last) }),
  };
}

/** Numbers of each look, with its picture where that was kept. A page that was closed while it wrote may have left later ones. */
function restoreProbe(value: Fields, pictures: readonly unknown[], checks: RunChecks, last: number): Probe {
  const probe = checks.probe(value, 'probe');
  const chunks = probe.batch.chunks.length;
  const drawn = new Map(
    pictures.map((one, i) => {
      const place = `probe.pictures[${i}]`;
      const record = checks.probeRecord(check(FIELDS, one, place).record, chunks, place);
      return [record.metrics.step, record] as const;
    }),
  );
  const records = check(LOOKS, value, 'probe').looks.map((metrics, i) => {
    const counted = checks.probeRecord({ metrics }, chunks, `probe.looks[${i}]`);
    return drawn.get(counted.metrics.step) ?? counted;
  });
  checkOrder(
    records.map(({ metrics }) => metrics),
    'probe.looks',
  );
  return { ...probe, records: records.filter(({ metrics }) => metrics.step <= last) };
}

/** A row of the list. What is damaged in it is left out: the run itself says what is wrong when it is read. */
export function restoreSummary(value: RunSummary): RunSummary {
  const row: Fields = { ...value };
  const amount = (key: string, otherwise: number): number => {
    const one = row[key];
    return typeof one === 'number' && Number.isFinite(one) ? one : otherwise;
  };
  const configuration = listedConfiguration(row.configuration);
  const { headline, score } = tableOf(configuration);
  return {
    id: value.id,
    name: typeof row.name === 'string' ? row.name : 'A run without a name',
    createdAt: amount('createdAt', 0),
    savedAt: amount('savedAt', 0),
    steps: amount('steps', 0),
    bytes: amount('bytes', 0),
    configuration,
    // Rows of earlier versions have these two under the names of their metrics.
    score: [row.score, row[score]].find((one) => typeof one === 'number'),
    headline: amount('headline', amount(headline, NaN)),
  };
}

function listedConfiguration(value: unknown): Configuration {
  try {
    return restoreConfiguration(value);
  } catch {
    return configure({});
  }
}

/** Settings that there are no more are left out. */
function restoreConfiguration(value: unknown): Configuration {
  const given = check(FIELDS, value, 'configuration');
  const known = Object.fromEntries(SETTING_KEYS.flatMap((key) => (key in given ? [[key, given[key]]] : [])));
  return configure(asTheyWereMeant(known));
}

function restoreMetrics(columns: Fields, objective: ObjectiveTable): RunRecord['metrics'] {
  const { step } = columns;
  if (!(step instanceof Float64Array) || step.length === 0) throw new CheckError('columns.step is missing or empty.');
  const { length } = step;
  const complete = columnKeys(objective).map((name): [string, Float64Array<ArrayBuffer>] => {
    const column = columns[name];
    if (column === undefined) return [name, new Float64Array(length).fill(NaN)];
    if (!(column instanceof Float64Array) || column.length !== length) {
      throw new CheckError(`columns.${name} has not ${length} numbers, as columns.step has.`);
    }
    return [name, Float64Array.from(column)];
  });
  const table = MetricTable.of(objective, new Map(complete));
  const metrics = Array.from({ length }, (_, row) => table.row(row));
  checkOrder(metrics, 'columns.step');
  if (!metrics.every((one) => Number.isInteger(one.step) && one.step > 0)) {
    throw new CheckError('columns.step holds something else than steps.');
  }
  return metrics;
}
