import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { CorpusSummary, Evaluation, RunRecord, StepRecord } from '../../lab/run.ts';
import { COLUMNS, MetricTable, type Column } from '../run/metricTable.ts';
import { summaryOf, type RunSummary, type Saving } from './summary.ts';

/** The numbers of a run. Its pictures are rows of their own, so that only new ones have to be written. */
interface StoredNumbers {
  readonly id: string;
  readonly corpus: CorpusSummary;
  readonly adapter: string;
  readonly columns: Readonly<Record<Column, Float64Array<ArrayBuffer>>>;
  readonly evaluations: readonly Evaluation[];
}

interface StoredPicture {
  readonly run: string;
  readonly step: number;
  readonly record: StepRecord;
}

interface Schema extends DBSchema {
  summaries: { key: string; value: RunSummary };
  numbers: { key: string; value: StoredNumbers };
  pictures: { key: [string, number]; value: StoredPicture };
}

/** Several pages may share an origin. */
const DATABASE = 'revela-runs';
const VERSION = 1;
/** Pictures written at once: copying more of them would hold up the page. */
const PORTION = 8;

let opened: Promise<IDBPDatabase<Schema>> | undefined;

function database(): Promise<IDBPDatabase<Schema>> {
  opened ??= openDB<Schema>(DATABASE, VERSION, {
    upgrade(db) {
      db.createObjectStore('summaries', { keyPath: 'id' });
      db.createObjectStore('numbers', { keyPath: 'id' });
      db.createObjectStore('pictures', { keyPath: ['run', 'step'] });
    },
    terminated() {
      opened = undefined;
    },
  }).catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

/** All kept runs, newest first. */
export async function listRuns(): Promise<RunSummary[]> {
  const summaries = await (await database()).getAll('summaries');
  return summaries.sort((a, b) => b.createdAt - a.createdAt);
}

/**
 * Writes what is new in a run; `written` is brought up to date.
 * @throws DOMException QuotaExceededError when there is no room; what was written before stays.
 */
export async function saveRun(saving: Saving): Promise<RunSummary> {
  const { id, history, corpus, adapter, written } = saving;
  const db = await database();
  // Taken at once: the run goes on while this is written.
  const snapshots = [...history.snapshots];
  const columns = Object.fromEntries(COLUMNS.map((column) => [column, history.column(column).slice()]));
  const evaluations = [...history.evaluations];
  const summary = summaryOf(saving);
  const fresh = snapshots.filter(({ metrics }) => !written.has(metrics.step));
  for (let start = 0; start < fresh.length; start += PORTION) {
    const portion = fresh.slice(start, start + PORTION);
    const { store, done } = db.transaction('pictures', 'readwrite');
    await Promise.all([...portion.map((record) => store.put({ run: id, step: record.metrics.step, record })), done]);
    for (const { metrics } of portion) written.add(metrics.step);
    await new Promise((next) => setTimeout(next));
  }
  const kept = new Set(snapshots.map(({ metrics }) => metrics.step));
  const stale = [...written].filter((step) => !kept.has(step));
  const transaction = db.transaction(['summaries', 'numbers', 'pictures'], 'readwrite');
  await Promise.all([
    transaction.objectStore('summaries').put(summary),
    transaction
      .objectStore('numbers')
      .put({ id, corpus, adapter, columns: columns as StoredNumbers['columns'], evaluations }),
    ...stale.map((step) => transaction.objectStore('pictures').delete([id, step])),
    transaction.done,
  ]);
  for (const step of stale) written.delete(step);
  return summary;
}

/** A kept run whole; undefined when it is not there any more. */
export async function loadRun(id: string): Promise<RunRecord | undefined> {
  const db = await database();
  const [summary, numbers, pictures] = await Promise.all([
    db.get('summaries', id),
    db.get('numbers', id),
    db.getAll('pictures', picturesOf(id)),
  ]);
  if (!summary || !numbers) return undefined;
  const table = MetricTable.of(numbers.columns);
  return {
    version: 1,
    name: summary.name,
    configuration: summary.configuration,
    corpus: numbers.corpus,
    adapter: numbers.adapter,
    metrics: Array.from({ length: table.length }, (_, row) => table.row(row)),
    // A page that was closed while it wrote may have left pictures of later steps.
    snapshots: pictures.filter(({ step }) => step <= summary.steps).map(({ record }) => record),
    evaluations: numbers.evaluations,
  };
}

export async function renameRun(id: string, name: string): Promise<void> {
  const { store, done } = (await database()).transaction('summaries', 'readwrite');
  const summary = await store.get(id);
  await Promise.all([summary && store.put({ ...summary, name }), done]);
}

export async function deleteRun(id: string): Promise<void> {
  const transaction = (await database()).transaction(['summaries', 'numbers', 'pictures'], 'readwrite');
  await Promise.all([
    transaction.objectStore('summaries').delete(id),
    transaction.objectStore('numbers').delete(id),
    transaction.objectStore('pictures').delete(picturesOf(id)),
    transaction.done,
  ]);
}

/** All keys [id, step]. */
function picturesOf(id: string): IDBKeyRange {
  return IDBKeyRange.bound([id, -Infinity], [id, Infinity]);
}
